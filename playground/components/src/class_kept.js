// What this browser keeps of a class: the token by which it is known as a student, the teacher's secret, and what has arrived.

/**
 * token, number: of the student; sent: what the server has, by what it is (a step's number, "place", a task).
 * secret: of the teacher. isFree: the student does not follow the teacher.
 * @typedef {{ token?: string, number?: number, name?: string, sent?: Record<string, string>, secret?: string, isFree?: boolean }} Kept
 */

/** @type {Record<string, Kept>} */
const here = {}; // where the browser keeps nothing, the page does

/** @param {string} code */
const key = (code) => `dp-class-${code}`;

/** @param {string} code @returns {Kept} */
export function keptOf(code) {
  try {
    return JSON.parse(localStorage.getItem(key(code)) ?? "null") ?? here[code] ?? {};
  } catch {
    return here[code] ?? {};
  }
}

/** @param {string} code @param {Kept} change  undefined takes a value away */
export function keep(code, change) {
  here[code] = { ...keptOf(code), ...change };
  try {
    localStorage.setItem(key(code), JSON.stringify(here[code]));
  } catch {
    // It is kept for as long as the page is open.
  }
}
