// The U as SVG: boxes that can be pointed at and chosen, and skips that can be switched.

const NS = "http://www.w3.org/2000/svg";
const ROW = 52;
const BOX = 40;
const TINT = { residual: "s0", attention: "s1", down: "s2", up: "s2", time: "s3", class: "s3", input: "s5", output: "s5" };

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Where everything stands. Each row is a skip: what is kept on the left, what takes it on the right.
function layout(data, width) {
  const pad = 6;
  const gap = Math.max(54, Math.min(170, 0.2 * width));
  const column = Math.min(330, (width - 2 * pad - gap) / 2);
  const left = (width - 2 * column - gap) / 2;
  const right = left + column + gap;
  const by = new Map(data.blocks.map((block) => [block.name, block]));
  const boxes = [];
  const bands = [];
  const place = (names, x, y, w) => {
    const each = (w - 4 * (names.length - 1)) / names.length;
    names.forEach((name, i) => boxes.push({ block: by.get(name), x: x + i * (each + 4), y, w: each, h: BOX }));
  };
  const down = data.blocks.filter((b) => b.part === "down").map((b) => b.name);
  const up = data.blocks.filter((b) => b.part === "up").map((b) => b.name);
  // A cell ends with what is kept; on the way up it begins with what takes.
  const cells = (names, ends) => {
    const made = [[]];
    for (const name of names) {
      made[made.length - 1].push(name);
      if (ends.has(name)) made.push([]);
    }
    return made.filter((cell) => cell.length);
  };
  const lefts = cells(down, new Set(data.skips.map((s) => s.source)));
  const targets = new Set(data.skips.map((s) => s.target));
  const rights = [];
  for (const name of up) targets.has(name) ? rights.push([name]) : rights[rights.length - 1].push(name);
  rights.reverse();
  const embeddings = data.blocks.filter((b) => b.part === "embedding").map((b) => b.name);
  place(embeddings, width / 2 - embeddings.length * 42, 4, embeddings.length * 84);
  let y = 4 + BOX + 12;
  let resolution = -1;
  const skips = [];
  data.skips.forEach((skip, i) => {
    const size = by.get(skip.source).size;
    if (size[0] !== resolution) {
      if (bands.length) bands[bands.length - 1].bottom = y - 4;
      bands.push({ top: y, label: `${size[0]} × ${size[1]}` });
      resolution = size[0];
      y += 24;
    }
    place(lefts[i], left, y, column);
    place(rights[i], right, y, column);
    skips.push({ skip, x1: left + column, x2: right, y: y + BOX / 2 });
    y += ROW;
  });
  const middle = data.blocks.filter((b) => b.part === "middle").map((b) => b.name);
  const w = Math.min(width - 2 * pad, Math.max(column, 84 * middle.length));
  place(middle, (width - w) / 2, y + 8, w);
  bands[bands.length - 1].bottom = y + BOX + 14;
  return { boxes, bands, skips, left, right, column, height: y + BOX + 20, width, pad };
}

export function drawing({ onPoint, onChoose, onToggle }) {
  const node = svg("svg", { class: "dp-unet", role: "group", "aria-label": "The network as a drawing" });
  let data = null;
  let focus = "";

  function draw(next, width, theme, chosen) {
    data = next;
    const places = layout(data, width);
    const kept = node.contains(document.activeElement ?? null) || node.getRootNode().activeElement?.closest?.("svg") === node ? focus : "";
    node.setAttribute("viewBox", `0 0 ${places.width} ${places.height}`);
    node.setAttribute("width", places.width);
    node.setAttribute("height", places.height);
    node.setAttribute("font-family", theme.font);
    const most = Math.max(...data.blocks.map((b) => b.parameters));
    node.replaceChildren(
      ...places.bands.map((band) =>
        svg("g", {},
          svg("rect", { x: 1, y: band.top, width: places.width - 2, height: band.bottom - band.top, rx: 8, fill: theme.surface }),
          text(band.label, places.width / 2, band.top + 16, theme.muted, 13, "middle"),
        ),
      ),
      ...arrows(places, theme),
      ...places.skips.map((place) => skipView(place, theme)),
      ...places.boxes.map((place) => boxView(place, theme, chosen, most)),
    );
    if (kept) node.querySelector(`[data-name="${CSS.escape(kept)}"]`)?.focus({ preventScroll: true });
  }

  const text = (words, x, y, fill, size, anchor, weight = 400) => {
    const made = svg("text", { x, y, fill, "font-size": size, "text-anchor": anchor, "font-weight": weight });
    made.textContent = words;
    return made;
  };

  function arrows(places, theme) {
    const made = [];
    const arrow = (x, y, up) => svg("path", { d: up ? `M${x} ${y - 4}l4 6h-8z` : `M${x} ${y + 3}l4 -6h-8z`, fill: theme.muted });
    places.skips.slice(1).forEach((place) => {
      const y = place.y - BOX / 2 - 7;
      made.push(arrow(places.left + places.column / 2, y, false), arrow(places.right + places.column / 2, y, true));
    });
    return made;
  }

  function boxView({ block, x, y, w, h }, theme, chosen, most) {
    const tint = theme[TINT[block.kind]];
    const on = block.name === chosen;
    const share = Math.max(2, (w - 12) * (block.parameters / most));
    const view = svg("g", {
      class: "dp-unet-block", role: "button", tabindex: on ? 0 : -1, "data-name": block.name,
      "aria-pressed": String(on), "aria-label": `${block.title}, ${words(block.parameters)} parameters`,
    },
      svg("rect", { class: "dp-unet-box", x, y, width: w, height: h, rx: 6, fill: theme.bg, stroke: tint, "stroke-width": on ? 4 : 1.5 }),
      svg("rect", { x, y, width: w, height: h, rx: 6, fill: tint, "fill-opacity": on ? 0.34 : 0.14, "pointer-events": "none" }),
      text(block.short, x + w / 2, y + (w < 34 ? 24 : 16), theme.text, w < 34 ? 10.5 : 13, "middle", 600),
      ...(w < 34 ? [] : [text(w < 62 ? String(block.channels) : `${block.channels} ch`, x + w / 2, y + 30, theme.text, 12, "middle")]),
      svg("rect", { x: x + 6, y: y + h - 5, width: Math.min(w - 12, share), height: 3, rx: 1.5, fill: tint, "pointer-events": "none" }),
    );
    view.addEventListener("pointerenter", () => onPoint(block));
    view.addEventListener("pointerleave", () => onPoint(null));
    view.addEventListener("focus", () => { focus = block.name; onPoint(block); });
    view.addEventListener("click", () => { focus = block.name; onChoose(block.name); });
    view.addEventListener("keydown", (event) => blockKey(event, block));
    return view;
  }

  function blockKey(event, block) {
    const order = data.blocks.map((b) => b.name);
    const at = order.indexOf(block.name);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: order.length - 1, Enter: at, " ": at }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    focus = order[Math.max(0, Math.min(order.length - 1, to))];
    onChoose(focus);
    node.querySelector(`[data-name="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  function skipView({ skip, x1, x2, y }, theme) {
    const colour = skip.off ? theme.muted : theme.text;
    const middle = (x1 + x2) / 2;
    const name = `skip ${skip.number}`;
    const view = svg("g", {
      class: "dp-unet-skip", role: "switch", tabindex: 0, "data-name": name, "data-skip": skip.number,
      "aria-checked": String(!skip.off), "aria-label": skip.title,
    },
      svg("rect", { x: x1, y: y - BOX / 2, width: x2 - x1, height: BOX, fill: "transparent" }),
      svg("line", { x1: x1 + 3, x2: x2 - 9, y1: y, y2: y, stroke: colour, "stroke-width": skip.off ? 1.5 : 2.5, "stroke-dasharray": skip.off ? "3 5" : null }),
      svg("path", { d: `M${x2 - 3} ${y}l-8 -5v10z`, fill: colour, "fill-opacity": skip.off ? 0.4 : 1 }),
      svg("rect", { class: "dp-unet-knob", x: middle - 17, y: y - 13, width: 34, height: 26, rx: 13, fill: skip.off ? theme.bg : theme.text, stroke: colour, "stroke-width": 1.5 }),
      text(skip.off ? "off" : String(skip.number), middle - 2, y + 5, skip.off ? theme.text : theme.bg, 13, "middle", 600),
    );
    view.addEventListener("pointerenter", () => onPoint(skip));
    view.addEventListener("pointerleave", () => onPoint(null));
    view.addEventListener("focus", () => { focus = name; onPoint(skip); });
    view.addEventListener("click", () => onToggle(skip.number));
    view.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      onToggle(skip.number);
    });
    return view;
  }

  return { node, draw };
}

export const words = (count) => count.toLocaleString("en-US");
