// How far the reader of the course is. It is kept in the browser and nowhere else.

import { _ } from "./language.js";

const KEY = "dp-course";
const EVENT = "dp-course";
const VERSION = 1;

/**
 * answers: of each question, as the reader gave it: a choice's number, a number, or the order of things.
 * missed: wrong answers in a check, the number of the question and the answer.
 * @typedef {{ done?: boolean, answers?: (number | number[])[], wrong?: number, missed?: [number, number | number[]][], text?: string }} StepProgress
 * @typedef {{ at: number, steps: Record<string, StepProgress> }} LessonProgress
 * @typedef {Record<string, LessonProgress>} Progress  by the number of the lesson
 */

/** @returns {Progress} */
export function readProgress() {
  try {
    return checked(JSON.parse(localStorage.getItem(KEY) ?? "null"));
  } catch {
    return {};
  }
}

/**
 * What was exported, or is kept; what is none of ours is empty.
 * @param {unknown} given @returns {Progress}
 */
function checked(given) {
  const kept = /** @type {{ version?: number, lessons?: unknown } | null} */ (given);
  if (kept?.version !== VERSION || typeof kept.lessons !== "object" || !kept.lessons) return {};
  const lessons = Object.entries(kept.lessons).filter(([number, one]) => /^\d+$/.test(number) && Number.isInteger(one?.at) && typeof one?.steps === "object" && one.steps);
  return Object.fromEntries(lessons);
}

/** @param {Progress} progress */
function write(progress) {
  try {
    localStorage.setItem(KEY, exported(progress));
  } catch {
    // A browser that keeps nothing: the lesson goes on without.
  }
  window.dispatchEvent(new Event(EVENT));
}

/** @param {Progress} progress */
export const exported = (progress) => JSON.stringify({ version: VERSION, lessons: progress });

/**
 * Takes what was exported; false for what was not.
 * @param {string} text
 */
export function importProgress(text) {
  try {
    const progress = checked(JSON.parse(text));
    if (!Object.keys(progress).length) return false;
    write(progress);
    return true;
  } catch {
    return false;
  }
}

export const resetProgress = () => write({});

/** @param {number} number  of the lesson */
export function resetLesson(number) {
  const { [number]: _gone, ...others } = readProgress();
  write(others);
}

/**
 * One lesson's.
 * @param {number} number @returns {LessonProgress}
 */
export const lessonProgress = (number) => readProgress()[number] ?? { at: 0, steps: {} };

/** @param {number} number @param {number} at */
export function writePlace(number, at) {
  const lesson = lessonProgress(number);
  if (lesson.at !== at || !readProgress()[number]) write({ ...readProgress(), [number]: { ...lesson, at } });
}

/** @param {number} number @param {number} step @param {StepProgress} change */
export function writeStep(number, step, change) {
  const lesson = lessonProgress(number);
  const steps = { ...lesson.steps, [step]: { ...lesson.steps[step], ...change } };
  write({ ...readProgress(), [number]: { ...lesson, steps } });
}

/** @param {() => void} redraw */
export function onProgress(redraw) {
  window.addEventListener(EVENT, redraw);
  window.addEventListener("storage", redraw);
  return () => {
    window.removeEventListener(EVENT, redraw);
    window.removeEventListener("storage", redraw);
  };
}

/**
 * What a reader does in a step of each kind.
 * @returns {Record<string, string>}
 */
export const kindNames = () => ({ ask: _("Predict"), do: _("Do"), see: _("Compare"), explain: _("Explain"), check: _("Check"), try: _("Try") });
