// What the reader of a lesson has predicted, for the figures that it was about: each draws it where it belongs.
/** @typedef {{ axis: string, value: number, label: string }} Prediction  a place on an axis, such as "t" */

const EVENT = "dp-predictions";
// Components are bundled one by one: the page is what they share.
/** @type {{ dpPredictions?: Prediction[] }} */
const shared = /** @type {any} */ (globalThis);

/** @param {Prediction[]} predictions */
export function showPredictions(predictions) {
  if (JSON.stringify(shared.dpPredictions ?? []) === JSON.stringify(predictions)) return;
  shared.dpPredictions = predictions;
  window.dispatchEvent(new Event(EVENT));
}

/**
 * Those about an axis.
 * @param {string} axis
 */
export const predictionsOn = (axis) => (shared.dpPredictions ?? []).filter((one) => one.axis === axis);

/**
 * Calls whenever they change; returns what ends that.
 * @param {() => void} redraw
 */
export function onPredictions(redraw) {
  window.addEventListener(EVENT, redraw);
  return () => window.removeEventListener(EVENT, redraw);
}
