// The newest picture of this page's lab, small enough for the wall of a class.

import { el } from "./dom.js";
import { context2d } from "./theme.js";

const WIDTH = 240; // pixels
const MOST = 30_000; // bytes

// Components are bundled one by one: the page is what they share.
/** @typedef {{ id: string, canvas: HTMLCanvasElement }} Picture  id: of what it belongs to */
/** @type {{ dpPicture?: () => Picture | null }} */
const shared = /** @type {any} */ (globalThis);

/** A figure offers what it shows, once that is complete. @param {() => Picture | null} draw */
export const offerPicture = (draw) => void (shared.dpPicture = draw);

/** What is offered now; null for nothing. */
export const pictureNow = () => shared.dpPicture?.() ?? null;

/**
 * In base64; "" where it cannot be made small enough.
 * @param {HTMLCanvasElement} whole
 */
export function smallPicture(whole) {
  const scale = Math.min(1, WIDTH / whole.width);
  const small = el("canvas", { width: Math.max(1, Math.round(whole.width * scale)), height: Math.max(1, Math.round(whole.height * scale)) });
  context2d(small).drawImage(whole, 0, 0, small.width, small.height);
  for (const [type, quality] of /** @type {[string, number][]} */ ([["image/png", 1], ["image/jpeg", 0.8], ["image/jpeg", 0.4]])) {
    const text = small.toDataURL(type, quality).split(",")[1];
    if (text.length * 0.75 <= MOST) return text;
  }
  return "";
}
