// What the students of a class have computed: the wall, with everyone's result, and an experiment that was split over the class.
/** @import { Room, Result, Sweep } from "./class_room.js" */
import { el } from "./dom.js";
import { _ } from "./language.js";
import { mount as mountChart } from "./livechart.js";
import { formatNumber } from "./numbers.js";

const VIEW = ["lesson", "at", "only", "lock", "class", "lang"]; // names in an address that are no settings

/** @param {string} address */
export function settingsOf(address) {
  const found = new URL(address, "http://playground/").searchParams;
  for (const name of VIEW) found.delete(name);
  return Object.fromEntries(found);
}

/**
 * The settings in which results differ.
 * @param {Result[]} results
 */
export function changedIn(results) {
  const all = results.map((one) => settingsOf(one.address));
  const names = [...new Set(all.flatMap(Object.keys))];
  return names.filter((name) => new Set(all.map((one) => one[name])).size > 1);
}

/** Facts with numbers that some of these results have. @param {Result[]} results */
const numberFacts = (results) => [...new Set(results.flatMap((one) => Object.entries(one.facts).flatMap(([name, value]) => (typeof value === "number" ? [name] : []))))].sort();

/**
 * The wall: sorted by student, or grouped by one of the settings that were changed.
 * @param {{ picture: (result: Result) => Promise<string>, names: boolean }} how  names: nicknames under the pictures
 */
export function wallView({ picture, names }) {
  const by = el("select", { "aria-label": _("Group by") });
  const grid = el("div", { class: "dp-class-wall" });
  const empty = el("p", { class: "dp-empty-line" }, _("Nothing has come yet. What a student computes in a lab comes here as soon as it is there."));
  const root = el("div", {}, el("label", { class: "dp-class-by" }, _("Group by"), " ", by), empty, grid);
  /** @type {Room | null} */
  let room = null;
  by.addEventListener("change", () => room && update(room));

  /** @param {Result} one */
  function card(one) {
    const image = el("img", { alt: "", loading: "lazy" });
    if (one.has_picture) picture(one).then((url) => (image.src = url), () => image.remove());
    const who = (names && room?.students.get(one.number)?.name) || _("no. {number}", { number: one.number });
    const changed = changedIn(wallOf(room)).map((name) => `${name} ${settingsOf(one.address)[name] ?? _("default")}`);
    return el("a", { class: "dp-class-card", href: new URL(`../../${one.address}`, location.href).href, target: "_blank", title: _("Open this very result") }, one.has_picture ? image : null, el("b", {}, who), el("small", {}, changed.join(" · ")));
  }

  /** @param {Room} next */
  function update(next) {
    room = next;
    const results = wallOf(room);
    const changed = changedIn(results);
    const chosen = by.value;
    by.replaceChildren(el("option", { value: "" }, _("student")), ...changed.map((name) => el("option", { value: name, selected: name === chosen }, name)));
    empty.hidden = results.length > 0;
    const valueOf = (/** @type {Result} */ one) => settingsOf(one.address)[by.value] ?? "";
    const sorted = [...results].sort((a, b) => (by.value && (Number(valueOf(a)) - Number(valueOf(b)) || valueOf(a).localeCompare(valueOf(b)))) || a.number - b.number);
    /** @type {Map<string, Result[]>} */
    const groups = new Map();
    for (const one of sorted) groups.set(valueOf(one), [...(groups.get(valueOf(one)) ?? []), one]);
    grid.replaceChildren(...[...groups].map(([value, members]) => el("section", {}, by.value ? el("h3", {}, `${by.value} = ${value || _("default")}`) : null, el("div", { class: "dp-class-cards" }, ...members.map(card)))));
    root.dataset.results = String(results.length);
  }
  return { root, update };
}

/** @param {Room | null} room */
const wallOf = (room) => [...(room?.results.values() ?? [])].filter((one) => one.task === "wall");

/** An experiment: how much of it is there, and one of its numbers over the settings, with the standard error of its repeats. */
export function sweepView() {
  const of = el("select", { "aria-label": _("Number") });
  const progress = el("p", { role: "status" });
  const grid = el("div", { class: "dp-class-grid" });
  const plot = el("div", {});
  const root = el("div", { class: "dp-class-sweep" }, progress, el("label", { class: "dp-class-by" }, _("Number"), " ", of), plot, grid);
  /** @type {ReturnType<typeof mountChart> | null} */
  let chart = null;
  /** @type {Room | null} */
  let room = null;
  of.addEventListener("change", () => room && update(room));

  /** @param {Room} next */
  function update(next) {
    room = next;
    const { sweep } = room;
    root.hidden = !sweep;
    if (!sweep) return;
    const results = [...room.results.values()].filter((one) => one.task.startsWith("cell "));
    const facts = numberFacts(results);
    const chosen = facts.includes(of.value) ? of.value : (facts.find((name) => name !== "seconds") ?? facts[0] ?? "");
    of.replaceChildren(...facts.map((name) => el("option", { value: name, selected: name === chosen }, name)));
    const done = [...room.cells.values()].filter((one) => one.is_done).length;
    progress.textContent = _("{done} of {cells} parts are computed.", { done, cells: room.cells.size });
    Object.assign(root.dataset, { done, cells: room.cells.size });
    const values = valuesOf(room, results, chosen);
    drawGrid(room, sweep, values);
    chart ??= mountChart(plot);
    chart.update(chartOf(sweep, values, chosen));
  }

  /** @param {Room} now @param {Sweep} sweep @param {Map<string, number[]>} values */
  function drawGrid(now, sweep, values) {
    const columns = sweep.columns ? sweep.column_values : [""];
    const head = sweep.columns ? el("tr", {}, el("th", {}, `${sweep.rows} ╲ ${sweep.columns}`), ...columns.map((value) => el("th", { scope: "col" }, value))) : null;
    const rows = sweep.row_values.map((row) => el("tr", {}, el("th", { scope: "row" }, sweep.columns ? row : `${sweep.rows} = ${row}`), ...columns.map((column) => cellOf(now, sweep, row, column, values))));
    grid.replaceChildren(el("table", {}, head, ...rows));
  }

  /** @param {Room} now @param {Sweep} sweep @param {string} row @param {string} column @param {Map<string, number[]>} values */
  function cellOf(now, sweep, row, column, values) {
    const cells = [...now.cells.values()].filter(({ settings }) => settings[sweep.rows] === row && (!sweep.columns || settings[sweep.columns] === column));
    const done = cells.filter((one) => one.is_done).length;
    const measured = statistics(values.get(keyOf(row, column)) ?? []);
    const number = measured.count ? el("b", {}, `${formatNumber(measured.mean)}${measured.count > 1 ? ` ± ${formatNumber(measured.error)}` : ""}`) : null;
    return el("td", { "data-done": String(done === cells.length) }, number, el("small", {}, `${done}/${cells.length}`));
  }
  return { root, update };
}

/** @param {string} row @param {string} column */
const keyOf = (row, column) => `${row}\n${column}`;

/** The values of a fact, by row and column. @param {Room} room @param {Result[]} results @param {string} fact */
function valuesOf(room, results, fact) {
  /** @type {Map<string, number[]>} */
  const found = new Map();
  const { sweep } = room;
  for (const one of results) {
    const settings = room.cells.get(Number(one.task.slice(5)))?.settings;
    const value = one.facts[fact];
    if (!sweep || !settings || typeof value !== "number") continue;
    const key = keyOf(settings[sweep.rows], sweep.columns ? settings[sweep.columns] : "");
    found.set(key, [...(found.get(key) ?? []), value]);
  }
  return found;
}

/** Mean and standard error of the mean. @param {number[]} values */
export function statistics(values) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { count, mean, error: count > 1 ? Math.sqrt(variance / count) : 0 };
}

/**
 * @param {Sweep} sweep @param {Map<string, number[]>} values @param {string} fact
 * @returns {import("../payloads.js").LiveChart}
 */
function chartOf(sweep, values, fact) {
  const isNumeric = sweep.row_values.every((value) => Number.isFinite(Number(value)));
  const x = sweep.row_values.map((value, k) => (isNumeric ? Number(value) : k));
  const series = (sweep.columns ? sweep.column_values : [""]).map((column) => {
    const measured = sweep.row_values.map((row) => statistics(values.get(keyOf(row, column)) ?? []));
    const at = (/** @type {(one: ReturnType<typeof statistics>) => number} */ of) => measured.map((one) => (one.count ? of(one) : null));
    return { name: sweep.columns ? `${sweep.columns} ${column}` : fact, x, y: at((one) => one.mean), style: /** @type {const} */ ("line"), low: at((one) => one.mean - one.error), high: at((one) => one.mean + one.error), mark: /** @type {const} */ ("circle"), color: null };
  });
  const isShare = series.every(({ y, low, high }) => [...y, ...low, ...high].every((value) => value === null || (value >= 0 && value <= 1)));
  return { title: "", x_label: sweep.rows, y_label: fact, series, log_x: false, log_y: false, y_range: isShare ? [0, 1] : null, note: _("Mean of what the class computed; the band is one standard error."), empty: _("Nothing has come yet.") };
}
