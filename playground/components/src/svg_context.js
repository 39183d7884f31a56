// A context that writes SVG: the part of a canvas's that the figures here draw with. So what draws a figure on the screen draws it
// into a file as well, and both show the same.
/** @import { Attributes } from "./dom.js" */
/** @import { Path, Pen, SvgPen } from "./types.js" */
import { el, markup, shape } from "./dom.js";
import { context2d } from "./theme.js";

/** @param {number} value */
const short = (value) => String(Math.round(100 * value) / 100);

// A path as a Path2D is filled, which can also say what it holds. `arc` makes whole circles: nothing here draws other ones.
/** @returns {Path & { readonly d: string }} */
function svgPathBuilder() {
  /** @type {string[]} */
  const parts = [];
  /** @param {string} letter @param {number[]} numbers */
  const add = (letter, ...numbers) => {
    parts.push(letter + numbers.map(short).join(" "));
  };
  return {
    get d() {
      return parts.join("");
    },
    moveTo: (x, y) => add("M", x, y),
    lineTo: (x, y) => add("L", x, y),
    closePath: () => add("Z"),
    rect: (x, y, w, h) => {
      add("M", x, y);
      add("h", w);
      add("v", h);
      add("h", -w);
      add("Z");
    },
    arc: (x, y, r) => {
      add("M", x - r, y);
      add("a", r, r, 0, 1, 0, 2 * r, 0);
      add("a", r, r, 0, 1, 0, -2 * r, 0);
      add("Z");
    },
    roundRect: (x, y, w, h, radius) => {
      const r = Number(radius);
      add("M", x + r, y);
      for (const [dx, dy, turnX, turnY] of [[w - 2 * r, 0, r, r], [0, h - 2 * r, -r, r], [2 * r - w, 0, -r, -r], [0, 2 * r - h, r, -r]]) {
        add("l", dx, dy);
        add("a", r, r, 0, 0, 1, turnX, turnY);
      }
      add("Z");
    },
  };
}

/**
 * A path for a context, which is a canvas's or one of these: it can be filled and stroked there.
 * @param {Pen} g @returns {Path2D}
 */
export function pathFor(g) {
  return g.svg ? /** @type {any} */ (svgPathBuilder()) : new Path2D();
}

/** @type {Record<string, string>} */
const ANCHORS = { center: "middle", right: "end", end: "end" };
/** @type {Record<string, string>} */
const BASELINES = { middle: "0.35em", top: "0.8em" };

/** @param {number} width @param {number} height @returns {SvgPen} */
export function svgContext(width, height) {
  const ruler = context2d(el("canvas"), { willReadFrequently: true });
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  /** @type {{ into: SVGElement, dash: number[], style: Record<string, unknown> }[]} */
  const saved = [];
  /** @type {SVGElement} */
  let into = svg;
  /** @type {number[]} */
  let dash = [];
  let path = svgPathBuilder();
  let clips = 0;
  /** @type {any} the methods are typed where they are used */
  const pen = {
    svg,
    fillStyle: "#000",
    strokeStyle: "#000",
    lineWidth: 1,
    lineJoin: "miter",
    lineCap: "butt",
    globalAlpha: 1,
    font: "14px sans-serif",
    textAlign: "start",
    textBaseline: "alphabetic",
    imageSmoothingEnabled: true,
    save: () => saved.push({ into, dash, style: { ...pen } }),
    restore: () => {
      const last = saved.pop();
      if (!last) return;
      const { style } = last;
      ({ into, dash } = last);
      for (const name of Object.keys(style)) if (typeof style[name] !== "function" && name !== "svg") pen[name] = style[name];
    },
    translate: (/** @type {number} */ x, /** @type {number} */ y) => group({ transform: `translate(${short(x)} ${short(y)})` }),
    clip: () => {
      const id = `clip-${++clips}`;
      into.append(shape("clipPath", { id }, shape("path", { d: path.d })));
      group({ "clip-path": `url(#${id})` });
    },
    setLineDash: (/** @type {number[]} */ lengths) => (dash = lengths),
    beginPath: () => (path = svgPathBuilder()),
    fill: (given = path) => draw("path", { d: given.d, ...filled() }),
    stroke: (given = path) => draw("path", { d: given.d, fill: "none", ...stroked() }),
    fillRect: (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ w, /** @type {number} */ h) => draw("rect", { ...box(x, y, w, h), ...filled() }),
    strokeRect: (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ w, /** @type {number} */ h) => draw("rect", { ...box(x, y, w, h), fill: "none", ...stroked() }),
    // A canvas, whole.
    drawImage: (/** @type {HTMLCanvasElement} */ image, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ w, /** @type {number} */ h) => {
      const style = pen.imageSmoothingEnabled ? null : "image-rendering: pixelated";
      draw("image", { ...box(x, y, w, h), href: image.toDataURL(), preserveAspectRatio: "none", opacity: pen.globalAlpha, style });
    },
    measureText: (/** @type {string} */ text) => {
      ruler.font = pen.font;
      return ruler.measureText(text);
    },
    fillText: (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => written(x, y).append(text),
    strokeText: (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => {
      const node = written(x, y);
      for (const [name, value] of Object.entries({ fill: "none", ...stroked() })) node.setAttribute(name, value);
      node.append(text);
    },
    // What a canvas cannot: text with the tags of `markup`. Returns about how wide it is.
    fillMarkup: (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => {
      const { fragment } = markup(text);
      spans(fragment, written(x, y));
      return pen.measureText(fragment.textContent).width;
    },
  };
  for (const name of ["moveTo", "lineTo", "closePath", "rect", "arc", "roundRect"]) pen[name] = (/** @type {any[]} */ ...given) => /** @type {any} */ (path)[name](...given);

  const box = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ w, /** @type {number} */ h) => ({ x: short(x), y: short(y), width: short(w), height: short(h) });
  /**
   * @template {keyof SVGElementTagNameMap} K
   * @param {K} tag @param {Attributes} attributes
   */
  const draw = (tag, attributes) => {
    const node = shape(tag, attributes);
    into.append(node);
    return node;
  };
  const group = (/** @type {Attributes} */ attributes) => (into = draw("g", attributes));

  // Colours as every program reads them: CSS may give color(srgb …), which few do.
  /** @param {string} color */
  function plain(color) {
    ruler.clearRect(0, 0, 1, 1);
    ruler.fillStyle = color;
    ruler.fillRect(0, 0, 1, 1);
    const [r, green, b, a] = ruler.getImageData(0, 0, 1, 1).data;
    return [`rgb(${r},${green},${b})`, short((pen.globalAlpha * a) / 255)];
  }

  function filled() {
    const [fill, opacity] = plain(pen.fillStyle);
    return { fill, "fill-opacity": opacity };
  }

  function stroked() {
    const [stroke, opacity] = plain(pen.strokeStyle);
    const line = { stroke, "stroke-opacity": opacity, "stroke-width": pen.lineWidth, "stroke-linejoin": pen.lineJoin, "stroke-linecap": pen.lineCap };
    return dash.length ? { ...line, "stroke-dasharray": dash.join(" ") } : line;
  }

  /** @param {number} x @param {number} y */
  function written(x, y) {
    const [, weight, size, family] = /^(?:(\S+) )?([\d.]+)px (.*)$/.exec(pen.font) ?? [];
    const font = { "font-size": size, "font-family": family, "font-weight": weight ?? null };
    const place = { x: short(x), y: short(y), dy: BASELINES[pen.textBaseline] ?? null, "text-anchor": ANCHORS[pen.textAlign] ?? "start" };
    return draw("text", { ...place, ...font, ...filled(), style: "white-space: pre" });
  }

  // Letters below and above the line are moved, and what follows is moved back.
  /** @param {Node} node @param {Element} to */
  function spans(node, to) {
    let back = 0;
    for (const child of node.childNodes) {
      const moved = /** @type {Record<string, number>} */ ({ SUB: 4, SUP: -5 })[child.nodeName] ?? 0;
      const dy = moved + back || null;
      back = -moved;
      const span = shape("tspan", {
        dy,
        "font-style": child.nodeName === "I" ? "italic" : null,
        "font-weight": child.nodeName === "B" ? 600 : null,
        "font-size": moved ? "75%" : null,
      });
      if (child.nodeType === Node.TEXT_NODE) span.append(child.textContent ?? "");
      else spans(child, span);
      to.append(span);
    }
  }
  return pen;
}
