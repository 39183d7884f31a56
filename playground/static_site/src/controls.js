// The controls of a lab, drawn from data (playground/static_site/controls.py): native elements, and values in the address, under the
// names that the apps have, so that a link opens the same state here and there.
/** @import { Rule, SiteControl, SiteControls } from "../../components/payloads.js" */
/** @import { Settings } from "./types.js" */
import { el, options } from "../../components/src/dom.js";
import { _ } from "../../components/src/language.js";

const NONE = "none"; // in place of the names of controls, where a link shows none

/**
 * The settings that an address asks for, and a sentence for each value that could not be taken.
 * @param {SiteControls} data @param {URLSearchParams} asked @returns {{ settings: Settings, problems: string[] }}
 */
export function read(data, asked) {
  const isFirst = !data.controls.some(({ name }) => asked.has(name));
  /** @type {Settings} */
  const settings = {};
  const problems = [];
  for (const control of data.controls) {
    const wanted = asked.get(control.name) ?? (isFirst ? data.first_visit[control.name] : undefined) ?? control.default;
    settings[control.name] = taken(offered(control, settings), wanted);
    if (settings[control.name] !== wanted && Number(settings[control.name]) !== Number(wanted)) {
      problems.push(_("The link asks for {title} = “{value}”, which this page cannot do. It was set to {taken}.", { title: control.title, value: wanted.slice(0, 40), taken: titled(control, settings[control.name]) }));
    }
  }
  for (const [name, [title, usual]] of Object.entries(data.elsewhere)) {
    const wanted = asked.get(name);
    if (wanted !== null && wanted !== usual && !(Number(wanted) === Number(usual))) problems.push(_("“{title}” needs Python: this page leaves it as it is.", { title }));
  }
  return { settings, problems };
}

/** The control with the options that it has beside these settings. @param {SiteControl} control @param {Settings} settings @returns {SiteControl} */
const offered = (control, settings) => ({ ...control, options: control.choices[settings[control.follows]] ?? control.options });

/** @param {SiteControl} control @param {string} value */
const titled = (control, value) => control.options.find(([option]) => option === value)?.[1] ?? value;

/**
 * The value, or the nearest that the control can take; of what is none its default.
 * @param {SiteControl} control @param {string} value
 */
function taken(control, value) {
  const number = value.trim() === "" ? NaN : Number(value);
  if (control.kind === "choice") {
    const found = control.options.find(([option]) => option === value || Number(option) === number);
    if (found) return found[0];
    if (!Number.isFinite(number) || control.options.some(([option]) => !Number.isFinite(Number(option)))) return usual(control);
    return control.options.reduce((best, [option]) => (Math.abs(Number(option) - number) < Math.abs(Number(best) - number) ? option : best), control.options[0][0]);
  }
  if (control.kind === "switch") return { 1: "1", true: "1", 0: "0", false: "0" }[value.toLowerCase()] ?? control.default;
  if (control.kind === "text") return value;
  if (!Number.isFinite(number) || (control.kind === "whole" && !Number.isInteger(number))) return control.default;
  return String(Math.min(control.high ?? Infinity, Math.max(control.low ?? -Infinity, number)));
}

/** @param {SiteControl} control */
const usual = (control) => (control.options.some(([option]) => option === control.default) ? control.default : control.options[0][0]);

/**
 * The query of these settings: what is not the default, and what the address says besides.
 * @param {SiteControls} data @param {Settings} settings @param {URLSearchParams} now  of the address
 */
export function written(data, settings, now) {
  const query = new URLSearchParams(now);
  for (const { name, default: usual } of data.controls) {
    if (settings[name] === usual && !(name in data.first_visit)) query.delete(name);
    else query.set(name, settings[name]);
  }
  return query;
}

/**
 * @param {string} lab  for the names of elements
 * @param {SiteControls} data
 * @param {(settings: Settings, isMoving: boolean) => void} onChange
 */
export function controlsView(lab, data, onChange) {
  /** @type {Settings} */
  let settings = {};
  const views = data.controls.map((control) => {
    const view = controlView(lab, control, (value, isMoving) => {
      settings = { ...settings, [control.name]: value };
      if (!isMoving) arrange();
      onChange(settings, isMoving);
    });
    return { control, ...view };
  });
  const groups = [...new Set(data.controls.map(({ group }) => group))];
  const boxes = groups.map((group) => {
    const own = views.filter(({ control }) => control.group === group);
    return { own, node: group ? el("details", { class: "site-group" }, el("summary", {}, group), ...own.map(({ node }) => node)) : el("div", {}, ...own.map(({ node }) => node)) };
  });
  const node = el("div", { class: "site-controls" }, ...boxes.map((box) => box.node));
  let asked = new URLSearchParams();

  /** Shows which controls have an effect now, and which the link shows and locks. */
  function arrange() {
    for (const { control, offer, set } of views) {
      if (!offer || !control.follows) continue;
      const now = offered(control, settings);
      settings = { ...settings, [control.name]: taken(now, settings[control.name]) };
      offer(now.options);
      set(settings[control.name]);
    }
    const only = asked.get("only");
    const kept = new Set((asked.get("lock") ?? "").split(","));
    for (const { control, node: own, disable } of views) {
      const idle = data.rules.filter((rule) => rule.names.includes(control.name) && !rule.values.includes(settings[rule.setting]));
      own.hidden = idle.some(({ why }) => !why) || (only !== null && !only.split(",").includes(control.name));
      disable(kept.has(control.name) ? data.locked : (idle[0]?.why ?? ""));
    }
    for (const box of boxes) {
      const isNew = box.node.hidden;
      box.node.hidden = box.own.every(({ node: own }) => own.hidden);
      // What a link shows is not folded away, nor what a change has brought.
      if (box.node instanceof HTMLDetailsElement && !box.node.hidden && (isNew || only !== null)) box.node.open = true;
    }
    node.hidden = only === NONE;
  }

  return {
    node,
    /** @param {Settings} given @param {URLSearchParams} query  of the address */
    show(given, query) {
      settings = given;
      asked = query;
      for (const { control, set } of views) set(settings[control.name]);
      arrange();
    },
  };
}

/**
 * @param {string} lab @param {SiteControl} control @param {(value: string, isMoving: boolean) => void} onChange
 */
function controlView(lab, control, onChange) {
  const id = `${lab}-${control.name}`;
  const why = el("small", { id: `${id}-why`, hidden: true });
  const shown = el("output", {});
  const help = control.help ? el("details", { class: "site-help" }, el("summary", { "aria-label": _("About “{title}”", { title: control.title }) }, "?"), el("small", {}, control.help)) : null;
  const made = control.kind === "choice" ? (control.segmented ? radios(id, control, onChange) : select(id, control, onChange)) : control.kind === "switch" ? tick(control, onChange) : field(id, control, shown, onChange);
  const node = el("div", { id, class: "site-control", "data-kind": control.kind }, made.node, help, why);
  return {
    node,
    set: made.set,
    offer: "offer" in made ? made.offer : null,
    /** @param {string} reason  why the control has no effect; "" where it has one */
    disable(reason) {
      for (const input of made.inputs) input.disabled = Boolean(reason);
      why.textContent = reason;
      why.hidden = !reason;
    },
  };
}

/** @param {string} id @param {SiteControl} control @param {(value: string, isMoving: boolean) => void} onChange */
function radios(id, control, onChange) {
  const inputs = control.options.map(([value]) => el("input", { type: "radio", name: id, value, onchange: () => onChange(value, false) }));
  const labels = control.options.map(([_value, title], k) => el("label", {}, inputs[k], title));
  const node = el("fieldset", { role: "radiogroup" }, el("legend", {}, control.title), el("div", { class: "site-radios" }, ...labels));
  return { node, inputs, set: (/** @type {string} */ value) => inputs.forEach((input) => (input.checked = input.value === value)) };
}

/** @param {string} id @param {SiteControl} control @param {(value: string, isMoving: boolean) => void} onChange */
function select(id, control, onChange) {
  const input = el("select", { "aria-describedby": `${id}-why` }, ...options(control.options));
  input.addEventListener("change", () => onChange(input.value, false));
  return { node: el("label", {}, el("span", {}, control.title), input), inputs: [input], set: (/** @type {string} */ value) => void (input.value = value), offer: (/** @type {SiteControl["options"]} */ choices) => input.replaceChildren(...options(choices)) };
}

/** @param {SiteControl} control @param {(value: string, isMoving: boolean) => void} onChange */
function tick(control, onChange) {
  const input = el("input", { type: "checkbox" });
  input.addEventListener("change", () => onChange(input.checked ? "1" : "0", false));
  return { node: el("label", { class: "site-switch" }, input, el("span", {}, control.title)), inputs: [input], set: (/** @type {string} */ value) => void (input.checked = value === "1") };
}

/** A number on a slider or typed, or a text. @param {string} id @param {SiteControl} control @param {HTMLOutputElement} shown @param {(value: string, isMoving: boolean) => void} onChange */
function field(id, control, shown, onChange) {
  const isNumber = control.kind !== "text";
  const isSlider = isNumber && control.slider && control.low !== null && control.high !== null;
  const step = control.step ?? (control.kind === "whole" ? 1 : "any");
  const input = el("input", { type: isSlider ? "range" : isNumber ? "number" : "text", min: control.low, max: control.high, step: isNumber ? step : null, "aria-describedby": `${id}-why` });
  const now = () => (isNumber && input.value !== "" ? String(Number(input.value)) : input.value);
  const say = () => (shown.textContent = isSlider ? now() : "");
  let given = "";
  if (isSlider) input.addEventListener("input", () => (say(), onChange(now(), true)));
  input.addEventListener("change", () => {
    const value = taken(control, now());
    input.value = isNumber && !input.validity.valid && !input.validity.stepMismatch ? given : value;
    given = now();
    say();
    onChange(given, false);
  });
  return {
    node: el("label", {}, el("span", {}, control.title, " ", shown), input),
    inputs: [input],
    /** @param {string} value */
    set(value) {
      if (document.activeElement !== input || Number(input.value) !== Number(value)) input.value = value;
      given = value;
      say();
    },
  };
}
