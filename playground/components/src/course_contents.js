// The contents of the course: every lesson with its steps, how far the reader is, and what they may do with that: export, import, reset.
/** @import { CourseContents, LessonOutline } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
import { exported, importProgress, kindNames, lessonProgress, onProgress, readProgress, resetProgress } from "./course_progress.js";
import { chip, component, el, markup } from "./dom.js";
import { saveText } from "./download.js";
import { _, localized } from "./language.js";
import { readTheme, watchAppearance } from "./theme.js";

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<CourseContents>} */
export function mount(root, _emit) {
  /** @type {CourseContents | null} */
  let course = null;
  root.classList.add("dp-root", "dp-course");
  const list = el("ol", { class: "dp-course-list" });
  const said = el("span", { class: "dp-course-said", role: "status" });
  const file = el("input", { type: "file", accept: ".json,application/json", hidden: true, onchange: () => void read() });
  const foot = el(
    "div",
    { class: "dp-course-foot" },
    el("span", {}, _("Your progress and answers are kept in this browser alone.")),
    chip(_("Export"), () => saveText("diffusion-course.json", "application/json", exported(readProgress())), { "data-action": "export" }),
    chip(_("Import"), () => file.click(), { "data-action": "import" }),
    chip(_("Reset"), reset, { "data-action": "reset" }),
    file,
    said,
  );
  root.append(list, foot);
  const unfollow = onProgress(draw);
  const unwatch = watchAppearance(root, () => readTheme(root));

  async function read() {
    const text = await file.files?.[0]?.text();
    file.value = "";
    said.textContent = text !== undefined && importProgress(text) ? _("Your progress was imported.") : _("This file holds no progress of this course.");
  }

  function reset() {
    if (!confirm(_("Forget all progress and answers of the course?"))) return;
    resetProgress();
    said.textContent = _("All progress was reset.");
  }

  /** @param {LessonOutline} lesson */
  function card(lesson) {
    const { at, steps } = lessonProgress(lesson.number);
    const done = lesson.steps.filter((_step, k) => steps[k]?.done).length;
    const isBegun = Boolean(readProgress()[lesson.number]);
    const all = lesson.steps.length;
    const label = done === all ? _("Do it again") : isBegun ? _("Continue at step {step}", { step: at + 1 }) : _("Begin");
    const to = localized(lesson.steps[done === all ? 0 : (lesson.steps[at] ? at : 0)].address).href;
    const names = kindNames();
    return el(
      "li",
      { class: "dp-lesson", "data-lesson": lesson.number, "data-done": `${done}/${all}` },
      el("h2", {}, _("Lesson {number}: {title}", { number: lesson.number, title: lesson.title })),
      el("p", {}, markup(lesson.goal).fragment),
      el("div", { class: "dp-lesson-bar", role: "progressbar", "aria-label": _("Steps done"), "aria-valuemin": 0, "aria-valuemax": all, "aria-valuenow": done }, el("i", { style: `width: ${(100 * done) / all}%` })),
      el("div", { class: "dp-lesson-row" }, el("a", { class: "dp-chip dp-next", href: to }, label), el("small", {}, _("about {minutes} min · {done} of {all} steps · report {section}", { minutes: lesson.minutes, done, all, section: lesson.section }))),
      el("details", {}, el("summary", {}, _("All steps")), el("ol", {}, ...lesson.steps.map((step, k) => el("li", { "data-done": String(Boolean(steps[k]?.done)) }, el("a", { href: localized(step.address).href }, _("{name}: {value}", { name: names[step.kind], value: "" }), markup(step.text).fragment))))),
    );
  }

  function draw() {
    if (!course) return;
    const open = new Set([...list.querySelectorAll("li:has(> details[open])")].map((node) => node.getAttribute("data-lesson")));
    list.replaceChildren(...course.lessons.map(card));
    for (const node of list.children) if (open.has(node.getAttribute("data-lesson"))) node.querySelector("details")?.setAttribute("open", "");
  }

  /** @param {CourseContents} given */
  function update(given) {
    course = given;
    draw();
  }
  return component(root, update, unfollow, unwatch);
}
