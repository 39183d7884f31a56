// What the class of this page has opened, for the rail: the bar of the class says it, and the rail follows.

const EVENT = "dp-class";
// Components are bundled one by one: the page is what they share.
/** @type {{ dpOpenTo?: number | null }} */
const shared = /** @type {any} */ (globalThis);

/** Whether the class lets a student go to that step; without a class, every step is open. @param {number} step */
export const isOpen = (step) => step <= (shared.dpOpenTo ?? Infinity);

/** @param {number | null} step  the last one that is open; null for all */
export function openTo(step) {
  if (shared.dpOpenTo === step) return;
  shared.dpOpenTo = step;
  window.dispatchEvent(new Event(EVENT));
}

/** @param {() => void} redraw */
export function onOpened(redraw) {
  window.addEventListener(EVENT, redraw);
  return () => window.removeEventListener(EVENT, redraw);
}
