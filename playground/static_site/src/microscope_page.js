// The Microscope of the site: live_microscope.js with the network that is stored. Cursor and forks stand in the address.
/** @import { MicroscopePage } from "../../components/payloads.js" */
/** @import { Lab, Settings } from "./types.js" */
import { mount as mountMicroscope } from "../../components/src/live_microscope.js";
import { spoken, storedHalves, storedText } from "./stored.js";

// Where components look for weights that have come already: sent_network.js.
/** @type {{ dpWeights?: Map<string, Promise<ArrayBuffer>> }} */
const shared = /** @type {any} */ (globalThis);

/** @param {HTMLElement} root @param {MicroscopePage} data @returns {Lab} */
export function mount(root, data) {
  const weights = (shared.dpWeights ??= new Map());
  if (!weights.has(data.live.network.hash)) weights.set(data.live.network.hash, storedHalves(data.network));
  const figure = mountMicroscope(root, wrote);
  /** @type {Settings | null} */
  let settings = null;
  let isEnded = false;
  let led = 0; // how often the address has led here: each time forks and cursor are those that it names

  async function draw() {
    const [script, config] = await Promise.all([storedText(spoken("worker")), storedText(`${data.network}-config`)]);
    if (isEnded || !settings) return;
    led += 1;
    const asked = new URLSearchParams(location.search);
    const number = (/** @type {string} */ name, /** @type {number} */ usual) => Number(asked.get(name) ?? usual);
    const { home } = data.live;
    const label = settings.labels === "none" ? -1 : settings.labels === "one" ? Number(settings.label) : 0;
    figure.update({
      ...data.live, base: String(led), script, network: { ...data.live.network, config },
      sampler: settings.sampler, eta: settings.eta, variance: settings.variance, seed: Number(settings.seed), label, scale: label < 0 ? 1 : Number(settings.scale),
      forks: asked.get("forks") ?? "", cursor: { branch: number("branch", home.branch), step: number("frame", home.step), row: number("row", home.row), column: number("column", home.column) },
    });
    root.dataset.facts = JSON.stringify({ state: "finished" });
  }

  /** What the reader has chosen in the figure. @param {string} name @param {any} value */
  function wrote(name, value) {
    const query = new URLSearchParams(location.search);
    const put = (/** @type {string} */ key, /** @type {unknown} */ now, /** @type {unknown} */ usual) => (String(now) === String(usual) ? query.delete(key) : query.set(key, String(now)));
    const { home } = data.live;
    if (name === "forks") put("forks", value.forks, "");
    if (name === "cursor") for (const [key, now, usual] of [["branch", value.branch, home.branch], ["frame", value.step, home.step], ["row", value.row, home.row], ["column", value.column, home.column]]) put(key, now, usual);
    history.replaceState(history.state, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
  }

  const onPop = () => void draw();
  window.addEventListener("popstate", onPop);
  return {
    async change(given, isMoving) {
      settings = given;
      if (!isMoving) await draw();
    },
    destroy() {
      isEnded = true;
      window.removeEventListener("popstate", onPop);
      figure.destroy();
    },
  };
}
