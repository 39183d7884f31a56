import { el, markup, watchTheme } from "./dom.js";
import { formatNumber, readTheme } from "./draw.js";
import { bytesOf, colours, legend, raster, enlarge } from "./heat.js";
import { csvOf, saveCanvas, saveText } from "./save.js";
import { drawing, words } from "./unet_drawing.js";

// The inside of a network: its drawing, the channels of a block, who looks where, and what the time says. Choosing a block,
// pointing at a pixel and reading values ask the server nothing; the server is told what was chosen, for the link.

export function mount(root, emit) {
  root.classList.add("dp-root", "dp-xray");
  let data = null;
  let theme = null;
  let chosen = "";
  let off = "";
  let destroyed = false;
  let telling = 0;

  const info = el("p", { class: "dp-xray-info", "aria-live": "polite" });
  const u = drawing({ onPoint: describe, onChoose: choose, onToggle: toggle });
  const channels = channelsView();
  const attention = attentionView();
  const time = timeView();
  const title = el("h4", {});
  const help = el("p", { class: "dp-xray-help" });
  const button = (label, does) => el("button", { type: "button", class: "dp-chip", onclick: does }, label);
  const pictures = el("div", { class: "dp-xray-pictures" });
  root.replaceChildren(
    pictures,
    el("div", { class: "dp-xray-head" }, title, el("span", { class: "dp-xray-save" }, button("SVG", () => saveText("unet.svg", "image/svg+xml", svgText())), button("CSV", () => saveText("unet-blocks.csv", "text/csv", blocksCsv())))),
    el("div", { class: "dp-xray-drawing" }, u.node),
    info,
    help,
    channels.node,
    attention.node,
    time.node,
  );
  const observer = new ResizeObserver(() => restyle());
  observer.observe(root);
  const unwatch = watchTheme(restyle);

  function update(next) {
    if (data && next.id === data.id) return;
    data = next;
    chosen = data.block;
    off = data.skips.filter((s) => s.off).map((s) => s.number).join();
    title.textContent = `${data.title}: ${words(data.parameters)} parameters`;
    help.textContent = data.words.help;
    pictures.replaceChildren(
      ...data.pictures.map((p) => el("figure", {}, el("img", { src: p.src, alt: "", class: "dp-pixels" }), el("figcaption", {}, markup(p.title).fragment))),
      el("p", { class: "dp-xray-at" }, data.at),
    );
    channels.set(data);
    attention.set(data);
    time.set(data);
    describe(null);
    restyle();
  }

  function restyle() {
    if (destroyed || !data || !root.isConnected || !root.clientWidth) return;
    theme = readTheme(root);
    u.draw(data, Math.min(root.clientWidth, 980), theme, chosen);
    channels.draw(chosen, root.clientWidth, theme);
    attention.draw(root.clientWidth, theme);
    time.draw(root.clientWidth, theme);
    Object.assign(root.dataset, { block: chosen, off, id: data.id });
  }

  function describe(what) {
    const it = what ?? data.blocks.find((b) => b.name === chosen);
    const share = it.parameters === undefined ? "" : `, ${words(it.parameters)} parameters (${formatNumber((100 * it.parameters) / data.parameters, 2)} %)`;
    const more = it.parameters === undefined ? (it.off ? ": off. Press to switch it on." : ": on. Press to switch it off.") : `. ${it.help}`;
    info.textContent = it.title + share + more;
  }

  function choose(name) {
    chosen = name;
    describe(null);
    restyle();
    tell();
  }

  function toggle(number) {
    const there = new Set(off ? off.split(",").map(Number) : []);
    there.has(number) ? there.delete(number) : there.add(number);
    off = [...there].sort((a, b) => a - b).join();
    data.skips.forEach((s) => (s.off = there.has(s.number)));
    restyle();
    tell();
  }

  // Walking with the arrow keys passes many blocks: the server hears of the one where the reader stays.
  function tell() {
    clearTimeout(telling);
    telling = setTimeout(() => emit("choice", { block: chosen, off, base: data.base }), 300);
  }

  function svgText() {
    const copy = u.node.cloneNode(true);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("style", `background:${theme.bg}`);
    return new XMLSerializer().serializeToString(copy);
  }

  function blocksCsv() {
    const rows = data.blocks.map((b) => [b.name, b.kind, b.part, b.size[0], b.size[1], b.channels, b.parameters]);
    return csvOf([["block", "kind", "part", "height", "width", "channels", "parameters"], ...rows]);
  }

  function destroy() {
    destroyed = true;
    clearTimeout(telling);
    observer.disconnect();
    unwatch();
    root.replaceChildren();
  }

  return { update, destroy };
}

// --- the channels of a block ---------------------------------------------------------------------------------------
function channelsView() {
  const head = el("h4", {});
  const tiles = el("div", { class: "dp-xray-tiles" });
  const scale = el("div", { class: "dp-heat-legend" });
  const read = el("output", { class: "dp-xray-read" }, "\u00a0");
  const help = el("p", { class: "dp-xray-help" });
  const save = el("span", { class: "dp-xray-save" });
  const node = el("section", {}, el("div", { class: "dp-xray-head" }, head, save), tiles, el("div", { class: "dp-xray-under" }, scale, read), help);
  let data = null;

  function draw(name, width, theme) {
    const block = data.blocks.find((b) => b.name === name);
    const map = data.maps[name];
    const [count, height, across] = map.shape;
    const values = bytesOf(map.i8, Int8Array);
    const columns = count === 1 ? 1 : Math.max(4, Math.min(8, Math.floor(width / 100)));
    const side = count === 1 ? Math.min(width, 420) : Math.min(120, (width - 8 * (columns - 1)) / columns);
    head.textContent = `${data.words.channels}: ${block.title}`;
    help.textContent = data.words.channels_help + (map.channels.length && map.channels.length < map.of ? ` ${map.channels.length} of ${map.of} channels are shown.` : "");
    tiles.style.gridTemplateColumns = `repeat(${columns}, ${side}px)`;
    tiles.replaceChildren(
      ...Array.from({ length: count }, (_, k) => {
        const canvas = el("canvas", { class: "dp-pixels", role: "img", "aria-label": map.channels.length ? `Channel ${map.channels[k]}` : "All numbers" });
        const at = k * height * across;
        enlarge(canvas, raster(across, height, (i) => 127.5 + values[at + i], colours.signed), side, (side * height) / across);
        const tell = (event) => {
          const box = canvas.getBoundingClientRect();
          const x = Math.max(0, Math.min(across - 1, Math.floor(((event.clientX - box.left) / box.width) * across)));
          const y = Math.max(0, Math.min(height - 1, Math.floor(((event.clientY - box.top) / box.height) * height)));
          const value = (values[at + y * across + x] / 127) * map.max;
          read.textContent = `${map.channels.length ? `channel ${map.channels[k]}, row ${y}, column ${x}` : `number ${y * across + x}`}: ${formatNumber(value, 3)}`;
        };
        canvas.addEventListener("pointermove", tell);
        canvas.addEventListener("pointerdown", tell);
        return el("figure", {}, canvas, map.channels.length ? el("figcaption", {}, String(map.channels[k])) : null);
      }),
    );
    legend(scale, colours.signed, [-map.max, 0, map.max]);
    save.replaceChildren(
      el("button", { type: "button", class: "dp-chip", onclick: () => saveCanvas(`${name}.png`, together()) }, "PNG"),
      el("button", { type: "button", class: "dp-chip", onclick: () => saveText(`${name}.csv`, "text/csv", csv()) }, "CSV"),
    );

    function together() {
      const zoom = Math.max(1, Math.round(96 / across));
      const all = el("canvas", { width: columns * across * zoom, height: Math.ceil(count / columns) * height * zoom });
      const g = all.getContext("2d");
      g.imageSmoothingEnabled = false;
      for (let k = 0; k < count; k++) {
        const small = raster(across, height, (i) => 127.5 + values[k * height * across + i], colours.signed);
        g.drawImage(small, (k % columns) * across * zoom, Math.floor(k / columns) * height * zoom, across * zoom, height * zoom);
      }
      return all;
    }

    function csv() {
      const rows = [["channel", "row", "column", "value"]];
      values.forEach((v, i) => {
        const k = Math.floor(i / (height * across));
        rows.push([map.channels[k] ?? 0, Math.floor(i / across) % height, i % across, ((v / 127) * map.max).toPrecision(4)]);
      });
      return csvOf(rows);
    }
  }

  return { node, set: (next) => (data = next), draw };
}

// --- who looks where -----------------------------------------------------------------------------------------------
function attentionView() {
  const head = el("h4", {});
  const which = el("select", { class: "dp-select", "aria-label": "Attention block" });
  const heads = el("select", { class: "dp-select", "aria-label": "Head" });
  const asking = el("canvas", { class: "dp-pixels dp-pickable", tabindex: 0, role: "application" });
  const answer = el("canvas", { class: "dp-pixels", role: "img", "aria-label": "Where it looks" });
  const scale = el("div", { class: "dp-heat-legend" });
  const read = el("output", { class: "dp-xray-read" });
  const help = el("p", { class: "dp-xray-help" });
  const picture = el("select", { class: "dp-select", "aria-label": "Picture below" });
  const save = el("span", { class: "dp-xray-save" },
    el("button", { type: "button", class: "dp-chip", onclick: () => saveCanvas("attention.png", answer) }, "PNG"),
    el("button", { type: "button", class: "dp-chip", onclick: () => saveText("attention.csv", "text/csv", csv()) }, "CSV"),
  );
  const body = el("div", {},
    el("div", { class: "dp-xray-choices" }, which, heads, picture),
    el("div", { class: "dp-xray-pair" }, el("figure", {}, asking, el("figcaption", {}, "Point here")), el("figure", {}, answer, el("figcaption", {}, "It takes from here"))),
    el("div", { class: "dp-xray-under" }, scale, read),
  );
  const node = el("section", {}, el("div", { class: "dp-xray-head" }, head, save), body, help);
  let data = null;
  let maps = null;
  let tops = null;
  let query = null;
  let images = [];
  let width = 0;
  let theme = null;

  const current = () => data.attention[Math.max(0, which.selectedIndex)];
  for (const control of [which, heads, picture]) control.addEventListener("change", () => { if (control === which) choose(); paint(); });
  const point = (event) => {
    const box = asking.getBoundingClientRect();
    const [h, w] = current().size;
    const x = Math.max(0, Math.min(w - 1, Math.floor(((event.clientX - box.left) / box.width) * w)));
    const y = Math.max(0, Math.min(h - 1, Math.floor(((event.clientY - box.top) / box.height) * h)));
    if (query !== y * w + x) { query = y * w + x; paint(); }
  };
  asking.addEventListener("pointermove", point);
  asking.addEventListener("pointerdown", point);
  asking.addEventListener("keydown", (event) => {
    const [h, w] = current().size;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const x = Math.max(0, Math.min(w - 1, (query % w) + step[0]));
    const y = Math.max(0, Math.min(h - 1, Math.floor(query / w) + step[1]));
    query = y * w + x;
    paint();
  });

  function set(next) {
    const before = data && current()?.name;
    const head_before = heads.value;
    const picture_before = picture.selectedIndex;
    data = next;
    head.textContent = data.words.attention;
    const there = data.attention.length > 0;
    body.hidden = save.hidden = !there;
    help.textContent = there ? data.words.attention_help : data.words.no_attention;
    images = data.pictures.map((p) => {
      const image = new Image();
      image.onload = paint;
      image.src = p.src;
      return image;
    });
    if (!there) return;
    which.replaceChildren(...data.attention.map((a) => el("option", {}, a.title)));
    which.selectedIndex = Math.max(0, data.attention.findIndex((a) => a.name === before));
    which.hidden = data.attention.length < 2;
    picture.replaceChildren(...["over the noisy picture", "over its guess", "over the noise it sees"].map((t) => el("option", {}, t)));
    picture.selectedIndex = picture_before < 0 ? 1 : picture_before;
    choose();
    heads.value = head_before && [...heads.options].some((o) => o.value === head_before) ? head_before : "0";
  }

  function choose() {
    const a = current();
    maps = bytesOf(a.u8);
    tops = bytesOf(a.top, Float32Array);
    heads.replaceChildren(
      el("option", { value: 0 }, a.of > 1 ? `mean of ${a.of} heads` : "its one head"),
      ...Array.from({ length: a.heads }, (_, k) => el("option", { value: k + 1 }, `head ${k + 1} of ${a.of}`)),
    );
    heads.value = "0";
    const n = a.size[0] * a.size[1];
    if (query === null || query >= n) query = Math.floor(a.size[0] / 2) * a.size[1] + Math.floor(a.size[1] / 2);
  }

  function row() {
    const n = current().size[0] * current().size[1];
    const at = Number(heads.value) * n + query;
    return { bytes: maps.subarray(at * n, at * n + n), top: tops[at] };
  }

  function paint() {
    if (!data || !data.attention.length || !width || !theme) return;
    const [h, w] = current().size;
    const side = Math.min(280, (width - 20) / 2);
    const tall = (side * h) / w;
    const { bytes, top } = row();
    const image = images[Math.max(0, picture.selectedIndex)];
    const blank = el("canvas", { width: 1, height: 1 });
    const g = enlarge(asking, image.complete && image.naturalWidth ? image : blank, side, tall);
    // Over the picture: the more a position is looked at, the clearer it is; the rest lies in the dark.
    for (let i = 0; i < h * w; i++) {
      g.fillStyle = `rgba(8, 12, 32, ${0.78 * (1 - bytes[i] / 255)})`;
      g.fillRect(((i % w) * side) / w, (Math.floor(i / w) * tall) / h, side / w + 0.3, tall / h + 0.3);
    }
    ring(g, side, tall);
    ring(enlarge(answer, raster(w, h, (i) => bytes[i], colours.amount), side, tall), side, tall);
    legend(scale, colours.amount, [0, 50 * top, 100 * top], " %");
    const best = bytes.indexOf(Math.max(...bytes));
    const even = 100 / (h * w);
    read.textContent = `From row ${Math.floor(query / w)}, column ${query % w}: most, ${formatNumber(100 * top, 2)} %, from row ${Math.floor(best / w)}, column ${best % w} (evenly spread it would be ${formatNumber(even, 2)} % each)`;
    asking.setAttribute("aria-label", read.textContent);
    node.dataset.query = query;
  }

  function ring(g, side, tall) {
    const [h, w] = current().size;
    const [x, y] = [((query % w) * side) / w, (Math.floor(query / w) * tall) / h];
    for (const [style, line, inset] of [["#000", 4, 2], ["#fff", 2, 2]]) {
      g.strokeStyle = style;
      g.lineWidth = line;
      g.strokeRect(x + inset, y + inset, Math.max(3, side / w - 2 * inset), Math.max(3, tall / h - 2 * inset));
    }
  }

  function csv() {
    const [h, w] = current().size;
    const n = h * w;
    const rows = [["head", "from_row", "from_column", "to_row", "to_column", "weight"]];
    const head = heads.value === "0" ? "mean" : heads.value;
    for (let q = 0; q < n; q++) for (let k = 0; k < n; k++) {
      const at = Number(heads.value) * n + q;
      rows.push([head, Math.floor(q / w), q % w, Math.floor(k / w), k % w, ((maps[at * n + k] / 255) * tops[at]).toPrecision(4)]);
    }
    return csvOf(rows);
  }

  function draw(room, look) {
    width = room;
    theme = look;
    paint();
  }

  return { node, set, draw };
}

// --- what the time says --------------------------------------------------------------------------------------------
function timeView() {
  const head = el("h4", {});
  const alike = heatView("t", "similarity");
  const loud = heatView("t", "norms");
  const help = el("p", { class: "dp-xray-help" });
  const save = el("span", { class: "dp-xray-save" }, el("button", { type: "button", class: "dp-chip", onclick: () => saveText("time-embedding.csv", "text/csv", csv()) }, "CSV"));
  const node = el("section", {}, el("div", { class: "dp-xray-head" }, head, save), el("div", { class: "dp-xray-pair dp-xray-time" }, alike.node, loud.node), help);
  let data = null;

  function set(next) {
    data = next;
    head.textContent = data.words.time;
    help.textContent = data.words.time_help;
  }

  function draw(width) {
    const { t, at, similarity, norms, blocks } = data.time;
    const side = Math.min(360, width >= 760 ? width / 2 - 30 : width - 4);
    alike.draw({ title: data.words.similarity, ...similarity, values: bytesOf(similarity.i8, Int8Array), zero: 127.5, unit: 127, colour: colours.signed, t, at, both: true, side, tall: side, say: (v, x, y) => `t = ${t[y]} and t = ${t[x]}: ${formatNumber(v, 3)}` });
    loud.draw({ title: data.words.norms, ...norms, values: bytesOf(norms.u8), zero: 0, unit: 255, colour: colours.amount, t, at, both: false, names: blocks, side: Math.min(side, width >= 760 ? width / 2 - 230 : width - 190), tall: Math.max(120, 24 * blocks.length), say: (v, x, y) => `${blocks[y]}, t = ${t[x]}: ${formatNumber(v, 3)}` });
  }

  function csv() {
    const { t, similarity, norms, blocks } = data.time;
    const s = bytesOf(similarity.i8, Int8Array);
    const n = bytesOf(norms.u8);
    const rows = [["what", "row", ...t.map((v) => `t=${v}`)]];
    t.forEach((v, y) => rows.push(["cosine", `t=${v}`, ...t.map((_, x) => ((s[y * t.length + x] / 127) * similarity.max).toPrecision(3))]));
    blocks.forEach((name, y) => rows.push(["size", name, ...t.map((_, x) => ((n[y * t.length + x] / 255) * norms.max).toPrecision(3))]));
    return csvOf(rows);
  }

  return { node, set, draw };
}

function heatView() {
  const title = el("figcaption", { class: "dp-panel-title" });
  const canvas = el("canvas", { class: "dp-pixels", role: "img" });
  const axis = el("div", { class: "dp-heat-axis" });
  const rowNames = el("div", { class: "dp-heat-rows" });
  const scale = el("div", { class: "dp-heat-legend" });
  const read = el("output", { class: "dp-xray-read" }, "\u00a0");
  const node = el("figure", {}, title, el("div", { class: "dp-heat-body" }, canvas, rowNames), axis, scale, read);

  function draw(it) {
    const [rows, columns] = it.shape;
    title.textContent = it.title;
    canvas.setAttribute("aria-label", it.title);
    const g = enlarge(canvas, raster(columns, rows, (i) => it.zero + it.values[i], it.colour), it.side, it.tall);
    const x = ((it.at + 0.5) / columns) * it.side;
    const y = it.both ? ((it.at + 0.5) / rows) * it.tall : null;
    for (const [style, line] of [["#000", 4], ["#fff", 2]]) {
      g.strokeStyle = style;
      g.lineWidth = line;
      g.beginPath();
      if (y === null) { g.moveTo(x, 0); g.lineTo(x, it.tall); } else g.arc(x, y, 6, 0, 7);
      g.stroke();
    }
    rowNames.style.height = `${it.tall}px`;
    rowNames.replaceChildren(...(it.names ?? []).map((name) => el("span", {}, name)));
    axis.style.width = `${it.side}px`;
    axis.replaceChildren(el("span", {}, `t = ${it.t[0]}`), el("span", {}, `t = ${it.t[it.t.length - 1]}`));
    legend(scale, it.colour, it.both ? [-it.max, 0, it.max] : [0, it.max / 2, it.max]);
    canvas.onpointermove = canvas.onpointerdown = (event) => {
      const box = canvas.getBoundingClientRect();
      const cx = Math.max(0, Math.min(columns - 1, Math.floor(((event.clientX - box.left) / box.width) * columns)));
      const cy = Math.max(0, Math.min(rows - 1, Math.floor(((event.clientY - box.top) / box.height) * rows)));
      read.textContent = it.say((it.values[cy * columns + cx] / it.unit) * it.max, cx, cy);
    };
  }

  return { node, draw };
}
