// The channels of a block as maps over the picture; the value under the pointer is read out.
/** @import { ChannelMaps, XRay } from "../payloads.js" */
import { decodeSignedBytes } from "./base64.js";
import { COLORMAPS, colorbar, enlarge, raster } from "./colormap.js";
import { cellAt, chip, el } from "./dom.js";
import { csvOf, saveCanvas, saveText } from "./download.js";
import { _ } from "./language.js";
import { formatNumber } from "./numbers.js";
import { context2d } from "./theme.js";

export function channelsView() {
  const head = el("h2");
  const tiles = el("div", { class: "dp-xray-tiles" });
  const scale = el("div", { class: "dp-colormap" });
  const readout = el("output", { class: "dp-xray-read" }, "\u00a0");
  const help = el("p", { class: "dp-xray-help" });
  const saves = el("span", { class: "dp-xray-save" });
  const node = el("section", {}, el("div", { class: "dp-xray-head" }, head, saves), tiles, el("div", { class: "dp-xray-under" }, scale, readout), help);
  /** @type {XRay} */
  let data;

  /** @param {string} name  of the block @param {number} width */
  function draw(name, width) {
    const map = data.maps[name];
    const { shape: [count, height, across], channels } = map;
    const values = decodeSignedBytes(map.i8);
    const columns = count === 1 ? 1 : Math.max(4, Math.min(8, Math.floor(width / 100)));
    const side = count === 1 ? Math.min(width, 420) : Math.min(120, (width - 8 * (columns - 1)) / columns);
    head.textContent = _("{name}: {value}", { name: data.words.channels, value: data.blocks.find((b) => b.name === name)?.title });
    help.textContent = data.words.channels_help + (channels.length && channels.length < map.of ? _(" {count} of {of} channels are shown.", { count: channels.length, of: map.of }) : "");
    tiles.style.gridTemplateColumns = `repeat(${columns}, ${side}px)`;
    const small = Array.from({ length: count }, (_item, k) => raster(across, height, (i) => 127.5 + values[k * height * across + i], COLORMAPS.signed));
    tiles.replaceChildren(...small.map((picture, k) => tileView(map, values, k, picture, side)));
    colorbar(scale, COLORMAPS.signed, [-map.max, 0, map.max]);
    saves.replaceChildren(
      chip("PNG", () => saveCanvas(`${name}.png`, sheetOf(small, columns))),
      chip("CSV", () => saveText(`${name}.csv`, "text/csv", channelsCsv(map, values))),
    );
  }

  /** @param {ChannelMaps} map @param {Int8Array} values @param {number} k @param {HTMLCanvasElement} picture @param {number} side */
  function tileView(map, values, k, picture, side) {
    const { shape: [, height, across], channels } = map;
    const canvas = el("canvas", { class: "dp-pixels", role: "img", "aria-label": channels.length ? _("Channel {k}", { k: channels[k] }) : _("All activations") });
    enlarge(canvas, picture, side, (side * height) / across);
    const read = (/** @type {PointerEvent} */ event) => {
      const [y, x] = cellAt(event, canvas, height, across);
      const value = (values[(k * height + y) * across + x] / 127) * map.max;
      readout.textContent = _("{name}: {value}", { name: channels.length ? _("channel {k}, row {y}, column {x}", { k: channels[k], y, x }) : _("number {k}", { k: y * across + x }), value: formatNumber(value, 3) });
    };
    canvas.addEventListener("pointermove", read);
    canvas.addEventListener("pointerdown", read);
    return el("figure", {}, canvas, channels.length ? el("figcaption", {}, String(channels[k])) : null);
  }

  return { node, set: (/** @type {XRay} */ next) => (data = next), draw };
}

/**
 * All channels on one canvas.
 * @param {HTMLCanvasElement[]} small @param {number} columns
 */
function sheetOf(small, columns) {
  const [{ width, height }] = small;
  const zoom = Math.max(1, Math.round(96 / width));
  const sheet = el("canvas", { width: columns * width * zoom, height: Math.ceil(small.length / columns) * height * zoom });
  const g = context2d(sheet);
  g.imageSmoothingEnabled = false;
  small.forEach((picture, k) => g.drawImage(picture, (k % columns) * width * zoom, Math.floor(k / columns) * height * zoom, width * zoom, height * zoom));
  return sheet;
}

/** @param {ChannelMaps} map @param {Int8Array} values */
function channelsCsv({ shape: [, height, across], channels, max }, values) {
  const rows = Array.from(values, (v, i) => {
    const k = Math.floor(i / (height * across));
    return [channels[k] ?? 0, Math.floor(i / across) % height, i % across, ((v / 127) * max).toPrecision(4)];
  });
  return csvOf([["channel", "row", "column", "value"], ...rows]);
}
