// Texts in the language of the reader. English is what the code says; another language's texts are put here when the modules of
// a component are bundled (playground/components/source.py).

/** @type {Record<string, string>} */
const TEXTS = {};

/**
 * A text in the reader's language, with values in place of {name}.
 * @param {string} text  in English, written out: it is the key of its translations
 * @param {Record<string, unknown>} [values]
 */
export function _(text, values = {}) {
  return (TEXTS[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * An address of the playground, in the language of this page where the address of this page names one.
 * @param {string} address  relative to this page
 */
export function localized(address) {
  const url = new URL(address, location.href);
  const tag = new URLSearchParams(location.search).get("lang");
  if (tag) url.searchParams.set("lang", tag);
  return url;
}
