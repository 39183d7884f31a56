// Where the rail stands on the page: beside the lab on a wide screen, above it on a narrow one, in either front end.
import { chip, el } from "./dom.js";
import { _ } from "./language.js";

const HOLDER = ".st-key-course-rail, #course-rail"; // what a style of each front end places
const PAGE = '[data-testid="stMain"]'; // Streamlit scrolls this, Gradio the document
const OPENER = '[data-testid="stExpandSidebarButton"], .sidebar:not(.open) > .toggle-button, .site-settings:not([open]) > summary';

/** The button that opens the settings where they are folded away, as on a phone; null where they are not. */
function opener() {
  const button = /** @type {HTMLElement | null} */ (document.querySelector(OPENER));
  return button?.offsetWidth ? button : null;
}

/** What to press where a step is about settings that may be folded away: `show` it now and then. */
export function settingsChip() {
  const node = chip(_("Open the settings"), () => opener()?.click(), { "data-action": "settings", hidden: true });
  return { node, show: () => (node.hidden = !opener()) };
}

/**
 * Scrolls for the reader, and shows what the step says and how far it is where the rail is out of sight.
 * @param {HTMLElement} root  of the rail
 * @param {() => void} onNext
 */
export function railPlace(root, onNext) {
  const line = el("div", { class: "dp-rail-bar-line" });
  const next = chip(_("Next"), onNext, { class: "dp-chip dp-next", "data-action": "bar-next" });
  const bar = el("div", { class: "dp-rail-bar", hidden: true }, line, chip(_("To the step"), () => root.scrollIntoView({ block: "start" }), { "data-action": "bar-step" }), next);
  root.append(bar);
  const watching = new IntersectionObserver(([{ isIntersecting }]) => (bar.hidden = isIntersecting));
  watching.observe(root);

  const holder = () => /** @type {HTMLElement | null} */ ((/** @type {ShadowRoot} */ (root.getRootNode()).host ?? root).closest(HOLDER));
  const page = () => document.querySelector(PAGE) ?? document.scrollingElement;
  const isBeside = () => getComputedStyle(holder() ?? root).position === "fixed";

  /** A fixed element hands the wheel to the window, which does not scroll in Streamlit. @param {WheelEvent} event */
  function wheeled(event) {
    const box = holder();
    if (!box || !isBeside() || page() === document.scrollingElement) return;
    const isAtEnd = event.deltaY < 0 ? box.scrollTop <= 0 : box.scrollTop + box.clientHeight >= box.scrollHeight - 1;
    if (isAtEnd) page()?.scrollBy(0, event.deltaY);
  }
  root.addEventListener("wheel", wheeled, { passive: true });

  return {
    /** @param {string} text @param {boolean} isDone */
    say(text, isDone) {
      line.textContent = text;
      next.hidden = !isDone;
    },
    /** The step begins; `isNew`: the lab is in another state than before. @param {boolean} isNew */
    arrive(isNew) {
      if (!isBeside()) return root.scrollIntoView({ block: "start" });
      holder()?.scrollTo(0, 0);
      if (isNew) page()?.scrollTo(0, 0);
    },
    end: () => watching.disconnect(),
  };
}
