// A training run as a page: its network, sampled live, its samples during training, and its curves.
/** @import { RunPage } from "../../components/payloads.js" */
/** @import { Lab } from "./types.js" */
import { el } from "../../components/src/dom.js";
import { _ } from "../../components/src/language.js";
import { mount as mountChart } from "../../components/src/livechart.js";
import { mount as mountTimeline } from "../../components/src/timeline.js";
import { mount as mountSampling } from "./sampling.js";

/** @param {HTMLElement} root @param {RunPage} data @returns {Lab} */
export function mount(root, data) {
  const live = el("div", {});
  const samples = el("div", {});
  const charts = data.charts.map(() => el("div", {}));
  root.append(live, ...(data.samples ? [el("h2", {}, _("Samples during training")), samples] : []), el("h2", {}, _("Training")), ...charts);
  const sampling = mountSampling(live, data.sampling);
  const timeline = data.samples ? mountTimeline(samples, () => {}) : null;
  timeline?.update(data.samples);
  const drawn = charts.map((node, k) => {
    const chart = mountChart(node);
    chart.update(data.charts[k]);
    return chart;
  });
  function destroy() {
    sampling.destroy();
    timeline?.destroy();
    for (const chart of drawn) chart.destroy();
  }
  return { change: sampling.change, destroy };
}
