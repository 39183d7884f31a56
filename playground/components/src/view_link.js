// What the reader looks at in a component, the playhead or the picked picture, as a part of the address behind "#": a link opens it
// again, and no server sees it.

const REST = 250; // milliseconds

// Components are bundled one by one: the page is what they share.
/** @type {{ dpViews?: Map<string, HTMLElement>, dpLeading?: boolean, navigation?: EventTarget }} */
const shared = /** @type {any} */ (globalThis);

/**
 * A component's part of the address, "#timeline=12.3"; a second component of its kind is "timeline2".
 * @param {string} kind @param {HTMLElement} root @param {(view: string) => void} onReturn  "back" or "forward" has led to another view
 */
export function viewLink(kind, root, onReturn) {
  const views = (shared.dpViews ??= new Map());
  const path = location.pathname;
  const isTaken = (/** @type {string} */ name) => views.get(path + name)?.isConnected;
  let name = kind;
  for (let k = 2; isTaken(name); k++) name = `${kind}${k}`;
  views.set(path + name, root);

  const parts = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const given = () => parts().get(name) ?? "";
  let view = given();
  let resting = 0;

  function put() {
    if (location.pathname !== path || given() === view) return;
    const all = parts();
    if (view) all.set(name, view);
    else all.delete(name);
    const behind = all.toString();
    history.replaceState(history.state, "", location.pathname + location.search + (behind && `#${behind}`));
  }

  // A page that writes its settings into the address drops what stands behind them.
  const onEntry = (/** @type {Event & { navigationType?: string }} */ event) => event.navigationType === "push" && !shared.dpLeading && put();
  function onPop() {
    if (location.pathname !== path || given() === view) return;
    view = given();
    onReturn(view);
  }
  shared.navigation?.addEventListener("currententrychange", onEntry);
  window.addEventListener("popstate", onPop);

  return {
    /** What the address said when the component came. */
    initial: view,
    /**
     * Writes the view into the address once it rests; "" is the default, which needs no words.
     * @param {string} next  of letters, digits, "." and "_"
     */
    write(next) {
      view = next;
      clearTimeout(resting);
      resting = setTimeout(put, REST);
    },
    leave() {
      clearTimeout(resting);
      shared.navigation?.removeEventListener("currententrychange", onEntry);
      window.removeEventListener("popstate", onPop);
      if (views.get(path + name) === root) views.delete(path + name);
    },
  };
}

/**
 * Leads this page to an address, and what is shown to the views that it names.
 * @param {URL} url
 */
export function leadTo(url) {
  shared.dpLeading = true;
  history.pushState(history.state, "", url);
  shared.dpLeading = false;
  window.dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
}

/**
 * The numbers of a view, "12.3" → [12, 3]; null for none.
 * @param {string} view
 */
export function numbersOf(view) {
  const numbers = view.split(".").map(Number);
  return view && numbers.every((n) => Number.isInteger(n) && n >= 0) ? numbers : null;
}
