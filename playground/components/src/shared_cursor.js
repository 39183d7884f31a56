// The components of one page that show the same particle at the same step exchange where that is, without a server.
/** @typedef {{ particle: number | null, t: number | null }} Place  particle: −1 or null for none */
const EVENT = "dp-cursor";

// Components are bundled one by one: the page is what they share.
/** @type {{ dpCursor?: { id: string, place: Place } }} */
const shared = /** @type {any} */ (globalThis);

/**
 * @param {(id: string, place: Place) => void} onMove  another component has moved; `id` names what is shown (of point clouds, their id)
 */
export function sharedCursor(onMove) {
  const own = {};
  const hear = (/** @type {Event} */ event) => {
    const { from, id, place } = /** @type {CustomEvent} */ (event).detail;
    if (from !== own) onMove(id, place);
  };
  window.addEventListener(EVENT, hear);
  return {
    /** @param {string} id @param {Place} place */
    publish(id, place) {
      shared.dpCursor = { id, place };
      window.dispatchEvent(new CustomEvent(EVENT, { detail: { from: own, id, place } }));
    },
    /**
     * What was published last, if it was about that: for a component that came later.
     * @param {string} id
     */
    latest: (id) => (shared.dpCursor?.id === id ? shared.dpCursor.place : null),
    leave: () => window.removeEventListener(EVENT, hear),
  };
}
