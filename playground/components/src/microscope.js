// The microscope: strips of walks that branch, and below them one step as a sum of pictures. Pointing and scrubbing ask nobody.
//
//   mount(root, emit) -> { update(data), destroy() }
//
// `data` is Bench.to_payload() (microscope.py). Emits "place" {stamp, branch, step, row, column} when the reader has come to rest.
import { branchView } from "./branches.js";
import { el, icon, markup, watchTheme } from "./dom.js";
import { COLUMNS, cardView, equationView, rowsAt, share, valuesAt, written } from "./equation.js";
import { decodeBytes, drawBytes, picturePool } from "./floats.js";
import { csvOf, saveCanvas, saveText } from "./save.js";
import { svgPen } from "./svg_pen.js";

const REST = 350;
const SUM_ROW = 30;
const CHANNELS = ["red", "green", "blue"];

export function mount(root, emit) {
  let data = null;
  let pools = [];
  let rows = [];
  let cards = [];
  let branch = 0;
  let step = 0; // as asked for; the nearest cut is shown
  let pixel = null; // [row, column] that was chosen
  let hover = null; // the one under the pointer
  let channel = 0;
  let atlas = null;
  let pending = 0;
  let resting = 0;

  root.classList.add("dp-root", "dp-microscope");
  const tree = el("div", { class: "dp-tree" });
  const where = el("div", { class: "dp-where" });
  const button = (name, label, action) => el("button", { type: "button", class: "dp-button", "aria-label": label, title: label, "data-action": name, onclick: action }, icon(name));
  const colours = el("div", { class: "dp-buttons dp-channels", hidden: true });
  CHANNELS.forEach((name, c) => colours.append(el("button", { type: "button", class: "dp-chip", onclick: () => choose({ channel: c }) }, name)));
  const deck = el(
    "div",
    { class: "dp-controls" },
    el("div", { class: "dp-buttons" }, button("back", "One step back", () => move(-1)), button("forward", "One step forward", () => move(1))),
    el("div", { class: "dp-status" }, where),
    colours,
  );
  const sums = equationView({ onHot: hot });
  const facts = el("dl", { class: "dp-facts" });
  const parts = el("div", { class: "dp-parts" });
  const thoughts = el("div", { class: "dp-thoughts" });
  const keep = el(
    "div",
    { class: "dp-takeaway" },
    el("button", { type: "button", class: "dp-chip", "data-action": "png", onclick: savePictures }, "Pictures of this step (PNG)"),
    el("button", { type: "button", class: "dp-chip", "data-action": "svg", onclick: saveDrawing }, "Pictures and sum of this step (SVG)"),
    el("button", { type: "button", class: "dp-chip", "data-action": "csv", onclick: saveNumbers }, "This pixel at every step (CSV)"),
  );
  const spoken = el("div", { class: "dp-spoken", "aria-live": "polite" });
  const message = el("div", { class: "dp-message", role: "status" }, "The first step is on its way …");
  const body = el("div", { hidden: true }, tree, deck, sums.node, parts, facts, thoughts, keep);
  root.append(message, body, spoken);

  const observer = new ResizeObserver(() => request(true));
  observer.observe(root);
  const unwatch = watchTheme(() => request(true));
  let whole = true;

  // --- data -------------------------------------------------------------------------------------------------------
  function update(next) {
    if (!next || next === data) return;
    const fresh = !data || data.id !== next.id;
    const jump = fresh || data.stamp !== next.stamp;
    data = next;
    pools = data.branches.map((b, i) => (pools[i]?.packed.f32 === b.pool.f32 ? pools[i] : picturePool(b.pool)));
    atlas = data.atlas && { ...data.atlas, bytes: decodeBytes(data.atlas.u8) };
    if (jump) {
      ({ branch, step } = data.place);
      if (data.place.row >= 0 && data.place.column >= 0) pixel = [data.place.row, data.place.column];
    }
    while (rows.length < data.branches.length) {
      rows.push(branchView(rows.length, { onMove: (b, i) => choose({ branch: b, index: i }), onEnd: rested }));
    }
    rows = rows.slice(0, data.branches.length);
    rows.forEach((row, i) => {
      const b = data.branches[i];
      row.set(b, b.parent === null ? "" : data.branches[b.parent].name, b.cuts[0]?.t);
    });
    if (tree.childElementCount !== rows.length || fresh) tree.replaceChildren(...rows.map((row) => row.node));
    request(true);
  }

  const chosen = () => Math.min(branch, data.branches.length - 1);
  function index(b = chosen()) {
    const { cuts } = data.branches[b];
    let best = 0;
    cuts.forEach((cut, i) => {
      if (Math.abs(cut.step - step) < Math.abs(cuts[best].step - step)) best = i;
    });
    return best;
  }

  // The pixel that is looked at: the one under the pointer, the chosen one, or one where something is to be seen.
  function at() {
    const pool = pools[chosen()];
    const [row, column] = hover ?? pixel ?? [Math.floor(pool.height / 2), Math.floor(pool.width / 2)];
    return [Math.min(row, pool.height - 1), Math.min(column, pool.width - 1), Math.min(channel, pool.channels - 1)];
  }

  // --- what the reader does ---------------------------------------------------------------------------------------
  function choose(change) {
    if (!data) return;
    if (change.branch !== undefined) {
      branch = change.branch;
      step = data.branches[branch].cuts[change.index].step;
    }
    if (change.channel !== undefined) channel = change.channel;
    request();
  }

  function move(by) {
    if (!data) return;
    const { cuts } = data.branches[chosen()];
    step = cuts[Math.max(0, Math.min(cuts.length - 1, index() + by))].step;
    request();
    rested();
  }

  function pointAt(place, keepIt, by) {
    if (by) {
      const [row, column] = at();
      const pool = pools[chosen()];
      place = [Math.max(0, Math.min(pool.height - 1, row + by[0])), Math.max(0, Math.min(pool.width - 1, column + by[1]))];
    }
    hover = keepIt ? null : place;
    if (keepIt && place) {
      pixel = place;
      rested();
    }
    request();
  }

  function hot(kind) {
    sums.hot(kind);
    cards.forEach((card) => card.hot(card.kind === kind));
  }

  root.addEventListener("keydown", (event) => {
    const row = event.target.closest?.(".dp-branch");
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!row || by === undefined || !data) return;
    branch = Number(row.dataset.branch);
    move(by === -Infinity ? -1e6 : by === Infinity ? 1e6 : by);
    event.preventDefault();
  });

  function rested() {
    clearTimeout(resting);
    resting = setTimeout(() => {
      const b = chosen();
      const [row, column] = pixel ?? [-1, -1];
      const cut = data.branches[b].cuts[index()];
      if (cut) emit("place", { stamp: data.stamp, branch: b, step: cut.step, row, column });
    }, REST);
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function request(all = false) {
    whole ||= all;
    pending ||= requestAnimationFrame(draw);
  }

  function draw() {
    pending = 0;
    const b = data && chosen();
    const cut = data?.branches[b]?.cuts[index()];
    message.hidden = Boolean(cut);
    body.hidden = !cut;
    if (!cut) return;
    const pool = pools[b];
    if (whole) rows.forEach((row, i) => row.paint(pools[i]));
    whole = false;
    rows.forEach((row, i) => data.branches[i].cuts.length && row.place(i === b, i === b ? cut : data.branches[i].cuts[0], index(i)));
    where.textContent = `${data.branches[b].name}: ${cut.text}`;
    colours.hidden = pool.channels !== 3;
    [...colours.children].forEach((node, c) => node.setAttribute("aria-pressed", String(c === channel)));
    sums.draw(cut.equations, pool, [at()]);
    drawCards(cut, pool);
    facts.replaceChildren(...[pixelFact(), ...cut.facts].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
    drawThoughts(cut);
    Object.assign(root.dataset, { branch: b, step: cut.step, t: cut.t, branches: data.branches.length, pixel: at().slice(0, 2).join() });
  }

  const pixelFact = () => ["pixel", `row ${at()[0]}, column ${at()[1]}${colours.hidden ? "" : `, ${CHANNELS[channel]}`}`];

  function pictures(cut) {
    const all = cut.equations.flatMap((equation) => [equation.result, ...equation.terms]).concat(cut.more);
    return all.filter((shown, i) => all.findIndex((other) => other.kind === shown.kind) === i);
  }

  function drawCards(cut, pool) {
    const all = pictures(cut);
    if (all.map((shown) => shown.kind).join("|") !== cards.map((card) => card.kind).join("|")) {
      const had = new Map(cards.map((card) => [card.kind, card]));
      cards = all.map((shown) => had.get(shown.kind) ?? cardView(shown.kind, { onHot: hot, onPixel: pointAt, onRest: rested }));
      parts.replaceChildren(...cards.map((card) => card.node));
    }
    all.forEach((shown, i) => cards[i].draw(shown, pool, at()));
  }

  let thought = "";
  function drawThoughts(cut) {
    const mark = JSON.stringify([cut.thoughts, cut.thinking, data.id]);
    if (mark === thought) return;
    thought = mark;
    thoughts.hidden = !cut.thoughts.length;
    const figures = cut.thoughts.filter(([, weight]) => weight >= 0.0005 || cut.thoughts[0][1] < 0.01).map(([picture, weight]) => {
      const canvas = el("canvas", { role: "img", "aria-label": `a training picture ${atlas.captions[picture]}` });
      drawBytes(canvas, atlas, atlas.bytes, picture);
      return el("figure", {}, canvas, el("div", { class: "dp-weight" }, el("i", { style: `width:${100 * weight}%` })), el("figcaption", {}, share(weight), atlas.captions[picture] ? el("span", {}, ` ${atlas.captions[picture]}`) : null));
    });
    thoughts.replaceChildren(el("p", {}, cut.thinking), el("div", { class: "dp-thought-row" }, ...figures));
  }

  // --- what can be taken away -------------------------------------------------------------------------------------
  function savePictures() {
    const sheet = sheetOf();
    const canvas = el("canvas", { width: sheet.width, height: sheet.height });
    const g = canvas.getContext("2d");
    sheet.draw(g, (shown, x, y) => g.fillText(markup(shown.symbol).fragment.textContent, x, y));
    saveCanvas(`${sheet.name}.png`, canvas);
  }

  // With the sum above the pictures: as large as the page has them, it would not stay sharp in a PNG.
  function saveDrawing() {
    const sheet = sheetOf();
    const sums = sheet.cut.equations.map(asMarkup);
    const top = SUM_ROW * sums.length;
    const pen = svgPen(sheet.width, top + sheet.height);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, sheet.width, top);
    pen.fillStyle = "#111";
    pen.font = "16px sans-serif";
    sums.forEach((sum, k) => pen.fillMarkup(sum, 2, SUM_ROW * (k + 1) - 10));
    pen.save();
    pen.translate(0, top);
    sheet.draw(pen, (shown, x, y) => pen.fillMarkup(shown.symbol, x, y));
    pen.restore();
    saveText(`${sheet.name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(pen.svg));
  }

  // An equation with its coefficients; where these differ from pixel to pixel, those of the pixel that is looked at.
  function asMarkup(equation) {
    const { terms } = valuesAt(equation, pools[chosen()], at());
    const parts = terms.map(({ coefficient }, i) => {
      const sign = coefficient < 0 ? " − " : i ? " + " : " ";
      return `${sign}${written(Math.abs(coefficient), 4)} × ${equation.terms[i].symbol}`;
    });
    const place = equation.terms.some((term) => term.each !== null) ? ` (row ${at()[0]}, column ${at()[1]})` : "";
    return `${equation.name}: ${equation.result.symbol} =${parts.join("")}${place}`;
  }

  // The pictures of the step side by side, to be drawn on a canvas or with a pen; symbol(shown, x, y) writes what stands below one.
  function sheetOf() {
    const b = chosen();
    const cut = data.branches[b].cuts[index()];
    const pool = pools[b];
    const all = pictures(cut);
    const scale = Math.max(1, Math.round(168 / pool.width));
    const [w, h] = [pool.width * scale, pool.height * scale];
    const [width, height] = [all.length * (w + 8) - 8, h + 26];
    function draw(g, symbol) {
      g.fillStyle = "#fff";
      g.fillRect(0, 0, width, height);
      g.imageSmoothingEnabled = false;
      g.fillStyle = "#111";
      g.font = "16px sans-serif";
      all.forEach((shown, k) => {
        pool.draw(g, shown.picture, shown.reach, k * (w + 8), 0, w, h);
        symbol(shown, k * (w + 8), h + 19);
      });
    }
    return { name: `step-${b}-${cut.step}`, cut, width, height, draw };
  }

  function saveNumbers() {
    const b = chosen();
    const rows = rowsAt(data.branches[b].cuts, pools[b], at());
    saveText(`pixel-${at().slice(0, 2).join("-")}.csv`, "text/csv", csvOf([COLUMNS, ...rows]));
    spoken.textContent = `Saved ${rows.length} lines; the sum here is ${written(valuesAt(data.branches[b].cuts[index()].equations[0], pools[b], at()).sum)}`;
  }

  return {
    update,
    destroy() {
      cancelAnimationFrame(pending);
      clearTimeout(resting);
      observer.disconnect();
      unwatch();
      root.replaceChildren();
    },
  };
}
