// The activations of a network: its drawing, the channels of a block, attention, and the embedding of the time. Choosing a block,
// pointing at a pixel and reading values need no request.
//
// Emits "choice" {block, off, base} for the link; what is seen of the attention is in the address (view_link.js).
/** @import { XRay, XRayBlock, XRaySkip } from "../payloads.js" */
/** @import { Component, Emit, Theme } from "./types.js" */
import { chip, el, markup } from "./dom.js";
import { csvOf, saveText } from "./download.js";
import { saveSvg } from "./exports.js";
import { _ } from "./language.js";
import { formatNumber } from "./numbers.js";
import { readTheme, watchAppearance } from "./theme.js";
import { unetDrawing, words } from "./unet_drawing.js";
import { attentionView } from "./xray_attention.js";
import { channelsView } from "./xray_channels.js";
import { timeView } from "./xray_time.js";

const REST = 300; // milliseconds

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<XRay>} */
export function mount(root, emit) {
  root.classList.add("dp-root", "dp-xray");
  /** @type {XRay} */
  let data;
  /** @type {Theme} */
  let theme;
  let chosen = "";
  let isDestroyed = false;
  let resting = 0;

  const info = el("p", { class: "dp-xray-info", "aria-live": "polite" });
  const unet = unetDrawing({ onPoint: describe, onChoose: choose, onToggle: toggle });
  const channels = channelsView();
  const attention = attentionView(root);
  const time = timeView();
  const title = el("h2");
  const help = el("p", { class: "dp-xray-help" });
  const pictures = el("div", { class: "dp-xray-pictures" });
  const saves = el("span", { class: "dp-xray-save" }, chip("SVG", saveDrawing), chip("CSV", () => saveText("unet-blocks.csv", "text/csv", blocksCsv())));
  root.replaceChildren(
    pictures,
    el("div", { class: "dp-xray-head" }, title, saves),
    el("div", { class: "dp-xray-drawing" }, unet.node),
    info,
    help,
    channels.node,
    attention.node,
    time.node,
  );
  const unwatch = watchAppearance(root, restyle);

  /** @param {XRay} next */
  function update(next) {
    if (next.id === data?.id) return;
    data = next;
    chosen = data.block;
    title.textContent = _("{title}: {parameters} parameters", { title: data.title, parameters: words(data.parameters) });
    help.textContent = data.words.help;
    pictures.replaceChildren(
      ...data.pictures.map((p) => el("figure", {}, el("img", { src: p.src, alt: "", class: "dp-pixels" }), el("figcaption", {}, markup(p.title).fragment))),
      el("p", { class: "dp-xray-at" }, data.at),
    );
    for (const view of [channels, attention, time]) view.set(data);
    describe(null);
    restyle();
  }

  const off = () => data.skips.filter((s) => s.off).map((s) => s.number).join();

  function restyle() {
    const width = root.clientWidth;
    if (isDestroyed || !data || !root.isConnected || !width) return;
    theme = readTheme(root);
    unet.draw(data, Math.min(width, 980), theme, chosen);
    channels.draw(chosen, width);
    attention.draw(width);
    time.draw(width);
    Object.assign(root.dataset, { block: chosen, off: off(), id: data.id });
  }

  /** @param {XRayBlock | XRaySkip | null} what  null: the chosen block */
  function describe(what) {
    const part = what ?? data.blocks.find((b) => b.name === chosen);
    if (!part) return;
    info.textContent = "parameters" in part ? blockText(part) : `${part.title}${part.off ? ": off. Press to switch it on." : ": on. Press to switch it off."}`;
  }

  /** @param {XRayBlock} block */
  const blockText = ({ title: name, parameters, help: about }) => _("{name}, {parameters} parameters ({share} %). {about}", { name, parameters: words(parameters), share: formatNumber((100 * parameters) / data.parameters, 2), about });

  /** @param {string} name */
  function choose(name) {
    chosen = name;
    describe(null);
    restyle();
    rested();
  }

  /** @param {number} number */
  function toggle(number) {
    for (const skip of data.skips) if (skip.number === number) skip.off = !skip.off;
    restyle();
    rested();
  }

  // The arrow keys pass many blocks: the server hears of the one where the reader stays.
  function rested() {
    clearTimeout(resting);
    resting = setTimeout(() => emit("choice", { block: chosen, off: off(), base: data.base }), REST);
  }

  function saveDrawing() {
    const copy = /** @type {SVGSVGElement} */ (unet.node.cloneNode(true));
    copy.setAttribute("style", `background:${theme.bg}`);
    saveSvg("unet", copy);
  }

  function blocksCsv() {
    const rows = data.blocks.map((b) => [b.name, b.kind, b.part, b.size[0], b.size[1], b.channels, b.parameters]);
    return csvOf([["block", "kind", "part", "height", "width", "channels", "parameters"], ...rows]);
  }

  function destroy() {
    isDestroyed = true;
    clearTimeout(resting);
    unwatch();
    attention.leave();
    root.replaceChildren();
  }

  return { update, destroy };
}
