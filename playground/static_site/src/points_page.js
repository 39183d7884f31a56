// The Points page: live_points.js with the network of the chosen set, and with what the address says of steps, eta and scale.
/** @import { PointsPage } from "../../components/payloads.js" */
/** @import { Lab, Settings } from "./types.js" */
import { mount as mountPoints } from "../../components/src/live_points.js";
import { spoken, stored, storedJson, storedText } from "./stored.js";

// Where components look for weights that have come already: sent_network.js.
/** @type {{ dpWeights?: Map<string, Promise<ArrayBuffer>> }} */
const shared = /** @type {any} */ (globalThis);
const OF_FIGURE = /** @type {const} */ (["steps", "eta", "scale"]);

/** @param {HTMLElement} root @param {PointsPage} data @returns {Lab} */
export function mount(root, data) {
  const weights = (shared.dpWeights ??= new Map());
  const figure = mountPoints(root, wrote);
  /** @type {Settings | null} */
  let settings = null;
  let isEnded = false;

  async function draw() {
    const chosen = settings?.data ?? "";
    const name = `points-${chosen}`;
    if (!weights.has(name)) weights.set(name, stored(name));
    const [script, plans, points] = await Promise.all([storedText(spoken("worker")), storedJson(data.plans), storedJson(`${name}-points`)]);
    if (isEnded || settings?.data !== chosen) return; // another set was chosen meanwhile
    const asked = new URLSearchParams(location.search);
    const seed = Number(settings.seed);
    figure.update({
      ...data.live, ...points, script, seed,
      id: `${settings.data} ${seed}`,
      class_names: data.class_names[settings.data],
      clouds: data.live.clouds.map((cloud) => ({ ...cloud, plans: plans[cloud.key] })),
      steps: among(data.live.steps_choices, asked.get("steps"), data.live.steps),
      eta: among(data.live.eta_choices, asked.get("eta"), data.live.eta),
      scale: Number(asked.get("scale") ?? data.live.scale),
    });
    root.dataset.facts = JSON.stringify({ state: "finished" });
  }

  /** What the reader has chosen in the figure. @param {string} name @param {any} value */
  function wrote(name, value) {
    if (name !== "moved") return;
    const query = new URLSearchParams(location.search);
    for (const one of OF_FIGURE) if (value[one] === data.live[one]) query.delete(one);
    else query.set(one, String(value[one]));
    history.replaceState(history.state, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
  }

  return {
    async change(given, isMoving) {
      settings = given;
      if (!isMoving) await draw();
    },
    destroy() {
      isEnded = true;
      figure.destroy();
    },
  };
}

/**
 * The choice that an address names, or the nearest one.
 * @param {number[]} choices @param {string | null} asked @param {number} usual
 */
const among = (choices, asked, usual) => (asked === null || !Number.isFinite(Number(asked)) ? usual : choices.reduce((best, one) => (Math.abs(one - Number(asked)) < Math.abs(best - Number(asked)) ? one : best), choices[0]));
