"""The secrets by which a browser is recognised: it makes them at random, keeps them, and sends them to either front end.

`localStorage` gives every tab of a browser the same secret, also after a restart; `sessionStorage` gives each tab its own,
which outlives a reload. No secret stands in an address or a link.
"""

VISITOR, TAB = "dp-visitor", "dp-tab"
"""Under which a browser, and a tab of it, keep their secrets."""

SECRET_OF = """
const secretOf = (storageOf, name) => {
  let secret = null;
  try { secret = storageOf().getItem(name); } catch { /* no storage is allowed: a secret for this page alone */ }
  if (!secret) {
    secret = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
    try { storageOf().setItem(name, secret); } catch {}
  }
  return secret;
};
"""
"""JavaScript: `secretOf(() => localStorage, name)` is 32 hexadecimal digits, made where there are none yet."""
