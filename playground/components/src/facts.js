// What is known of the lab beside a lesson, as named facts: its settings stand in the address, what the server knows in elements with
// data-facts, and what only the browser knows (where a playhead is) is published here.
/** @typedef {Record<string, string | number>} Facts  by names such as "forward.t" */

// Components are bundled one by one: the page is what they share.
/** @type {{ dpFacts?: Facts }} */
const shared = /** @type {any} */ (globalThis);

/** The lab of this page: what the page says, or the last part of its address. */
export const labOfPage = () => document.documentElement?.dataset.lab ?? location.pathname.replace(/\/+$/, "").split("/").pop() ?? "";

/**
 * Says what a component knows of its lab, under names without the lab's.
 * @param {Facts} facts
 */
export function publishFacts(facts) {
  const known = (shared.dpFacts ??= {});
  for (const [name, value] of Object.entries(facts)) known[`${labOfPage()}.${name}`] = value;
}

/**
 * All facts of the lab of this page, now.
 * @param {Record<string, string>} defaults  of the lab's settings, which an address leaves out
 * @returns {Facts}
 */
export function factsNow(defaults) {
  const lab = labOfPage();
  const facts = /** @type {Facts} */ ({ ...shared.dpFacts });
  const settings = { ...defaults, ...Object.fromEntries(new URLSearchParams(location.search)) };
  for (const [name, value] of Object.entries(settings)) facts[`${lab}.${name}`] = value;
  for (const node of document.querySelectorAll("[data-facts]")) {
    for (const [name, value] of Object.entries(JSON.parse(/** @type {HTMLElement} */ (node).dataset.facts ?? "{}"))) facts[`${lab}.${name}`] = value;
  }
  return facts;
}

/**
 * Whether a fact is as it has to be.
 * @param {import("../payloads.js").RailCondition} condition @param {Facts} facts
 */
export function holds(condition, facts) {
  const value = facts[condition.fact];
  if (value === undefined) return false;
  if (condition.is_ !== null) return String(value) === condition.is_;
  const number = Number(value);
  return Number.isFinite(number) && (condition.least === null || number >= condition.least) && (condition.most === null || number <= condition.most);
}
