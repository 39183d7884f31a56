// Small helpers for building elements. Text from the server only ever becomes text nodes.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

// An SVG element; text is only ever text.
export function shape(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
  first: "M6 5.5h2.2v13H6zM19 5.5v13L9.4 12z",
  last: "M15.8 5.5H18v13h-2.2zM5 5.5v13l9.6-6.5z",
  back: "M15.6 5.4 17 6.9 11.4 12l5.6 5.1-1.4 1.5L8.4 12z",
  forward: "M8.4 5.4 7 6.9l5.6 5.1L7 17.1l1.4 1.5 7.2-6.6z",
  loop: "M17 3.5 21 7.5l-4 4V8.6H8A3.4 3.4 0 0 0 4.6 12v.6H2.5V12A5.5 5.5 0 0 1 8 6.5h9zM7 20.5l-4-4 4-4v2.9h9a3.4 3.4 0 0 0 3.4-3.4v-.6h2.1v.6a5.5 5.5 0 0 1-5.5 5.5H7z",
  save: "M11 3.5h2v9l3.3-3.3 1.4 1.4L12 16.3l-5.7-5.7 1.4-1.4 3.3 3.3zM4.5 15h2v3.5h11V15h2v5.5h-15z",
  close: "m6.9 5.5 5.1 5.1 5.1-5.1 1.4 1.4-5.1 5.1 5.1 5.1-1.4 1.4-5.1-5.1-5.1 5.1-1.4-1.4 5.1-5.1-5.1-5.1z",
};

export function icon(name) {
  return shape("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, shape("path", { d: ICONS[name] }));
}

export function setIcon(button, name) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.replaceChildren(icon(name));
}

// The markup of titles and equations: these tags without attributes, {placeholders}, and nothing else.
const TAGS = { i: "i", b: "b", sub: "sub", sup: "sup", sqrt: "span", line: "span" };

export function markup(text) {
  const fragment = document.createDocumentFragment();
  const slots = {};
  const stack = [{ tag: "", node: fragment }];
  const top = () => stack[stack.length - 1].node;
  for (const part of String(text ?? "").split(/(<\/?[a-z]+>|\{[A-Za-z_][A-Za-z0-9_]*\})/)) {
    if (!part) continue;
    const tag = /^<(\/?)([a-z]+)>$/.exec(part);
    const slot = /^\{(\w+)\}$/.exec(part);
    if (tag && !tag[1] && Object.hasOwn(TAGS, tag[2])) {
      const node = document.createElement(TAGS[tag[2]]);
      top().append(node);
      if (tag[2] === "sqrt") {
        const inside = el("span", { class: "dp-radicand" });
        node.className = "dp-sqrt";
        node.append(el("span", { class: "dp-radical" }, "√"), inside);
        stack.push({ tag: "sqrt", node: inside });
      } else {
        if (tag[2] === "line") node.className = "dp-line-of";
        stack.push({ tag: tag[2], node });
      }
    } else if (tag && tag[1] && stack.length > 1 && stack[stack.length - 1].tag === tag[2]) {
      stack.pop();
    } else if (slot) {
      const node = el("span", { class: "dp-value" });
      (slots[slot[1]] ??= []).push(node);
      top().append(node);
    } else top().append(document.createTextNode(part));
  }
  return { fragment, slots };
}

export function decodeFloats(packed) {
  const binary = atob(packed.f32);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

// Calls `redraw` when the page changes its colours without telling the component: system theme, a class on <body>.
export function watchTheme(redraw) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(redraw);
  media.addEventListener("change", redraw);
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true, attributeFilter: ["class", "data-theme", "style"] });
  }
  return () => {
    media.removeEventListener("change", redraw);
    observer.disconnect();
  };
}
