// What a teacher says to split an experiment over the class: a lab in a state, one or two of its settings, and their values.
/** @import { Sweep } from "./class_room.js" */
import { el } from "./dom.js";
import { _ } from "./language.js";

/**
 * "1, 2, 5" → ["1", "2", "5"]
 * @param {string} text
 */
export const listOf = (text) => text.split(/[\s,，、;；]+/).filter(Boolean);

/** @param {{ home: string, onSplit: (sweep: Sweep) => void }} how  home: the address of the class's lab */
export function sweepForm({ home, onSplit }) {
  const field = (/** @type {string} */ label, /** @type {string} */ value, /** @type {object} */ more = {}) => {
    const input = el("input", { type: "text", value, ...more });
    return { input, label: el("label", {}, label, input) };
  };
  const address = field(_("Link of the lab, as it is to be"), home.startsWith("sampling") ? home : "sampling", { size: 40 });
  const rows = field(_("Setting"), "scale", { required: true });
  const values = field(_("Its values"), "1, 2, 3, 5, 8", { required: true });
  const columns = field(_("Second setting, or none"), "");
  const others = field(_("Its values"), "");
  const repeats = field(_("Seeds for each"), "4", { type: "number", min: 1, max: 60 });
  const count = el("small", { role: "status" });
  const form = el("form", { class: "dp-class-form" }, address.label, rows.label, values.label, columns.label, others.label, repeats.label, el("button", { class: "dp-chip dp-next", "data-action": "split" }, _("Split it over the class")), count);

  /** @returns {Sweep} */
  const sweep = () => ({
    address: relative(address.input.value),
    rows: rows.input.value.trim(),
    row_values: listOf(values.input.value),
    columns: columns.input.value.trim(),
    column_values: columns.input.value.trim() ? listOf(others.input.value) : [""],
    repeats: Number(repeats.input.value) || 1,
  });
  function said() {
    const { row_values, column_values, repeats: seeds } = sweep();
    count.textContent = _("{cells} parts, one for a student at a time", { cells: row_values.length * column_values.length * seeds });
  }
  form.addEventListener("input", said);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onSplit(sweep());
  });
  said();
  return el("details", { class: "dp-class-details" }, el("summary", {}, _("Split an experiment over the class …")), form);
}

/**
 * A link that was copied from the address bar, relative to the playground.
 * @param {string} link
 */
function relative(link) {
  const url = new URL(link.trim(), "http://playground/");
  for (const name of ["class", "lang", "lesson", "at"]) url.searchParams.delete(name);
  return `${url.pathname.split("/").pop()}${url.search}${url.hash}`;
}
