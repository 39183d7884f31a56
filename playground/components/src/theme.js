// The colours of the page around a component.
/** @import { Theme } from "./types.js" */

const NAMES = /** @type {const} */ (["text", "muted", "bg", "surface", "border", "accent", "s0", "s1", "s2", "s3", "s4", "s5"]);

/**
 * The colours that CSS resolves to here, as canvas can use them. Also marks the root as dark or light.
 * @param {HTMLElement} root @returns {Theme}
 */
export function readTheme(root) {
  const probe = document.createElement("span");
  probe.style.display = "none";
  root.append(probe);
  const read = (/** @type {string} */ name) => {
    probe.style.color = `var(--dp-${name})`;
    return getComputedStyle(probe).color;
  };
  const scheme = luminance(read("bg")) < 0.4 ? "dark" : "light";
  if (root.dataset.scheme !== scheme) root.dataset.scheme = scheme;
  const colors = /** @type {Record<typeof NAMES[number], string>} */ (Object.fromEntries(NAMES.map((name) => [name, read(name)])));
  probe.remove();
  const font = getComputedStyle(root).fontFamily || "sans-serif";
  const series = [colors.s0, colors.s1, colors.s2, colors.s3, colors.s4, colors.s5];
  return { ...colors, font, series, stamp: Object.values(colors).join() + font };
}

/** @param {string} color */
function luminance(color) {
  const pixel = document.createElement("canvas");
  pixel.width = pixel.height = 1;
  const g = context2d(pixel, { willReadFrequently: true });
  g.fillStyle = "#fff";
  g.fillRect(0, 0, 1, 1);
  g.fillStyle = color;
  g.fillRect(0, 0, 1, 1);
  const [r, green, b] = g.getImageData(0, 0, 1, 1).data;
  return (0.2126 * r + 0.7152 * green + 0.0722 * b) / 255;
}

/** @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [options] */
export function context2d(canvas, options) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", options));
}

/**
 * Calls `redraw` when an element gets another size, or the page other colours: the system's theme, a class on <body>.
 * @param {Element} node @param {() => void} redraw
 * @returns {() => void}  ends it
 */
export function watchAppearance(node, redraw) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const classes = new MutationObserver(redraw);
  const size = new ResizeObserver(redraw);
  media.addEventListener("change", redraw);
  for (const page of [document.documentElement, document.body]) {
    classes.observe(page, { attributes: true, attributeFilter: ["class", "data-theme", "style"] });
  }
  size.observe(node);
  return () => {
    media.removeEventListener("change", redraw);
    classes.disconnect();
    size.disconnect();
  };
}
