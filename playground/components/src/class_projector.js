// What a class looks at together, in large type: the link to come in, the answers that the teacher shows, approved sentences
// without names, the wall, or the experiment.
/** @import { ClassPage } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
/** @import { Room } from "./class_room.js" */
/** @import { Answer } from "./rail_questions.js" */
import { answersView } from "./class_answers.js";
import { linkView, studentsLink } from "./class_invitation.js";
import { openRoom } from "./class_room.js";
import { sweepView, wallView } from "./class_wall.js";
import { component, el, markup } from "./dom.js";
import { _ } from "./language.js";
import { readTheme, watchAppearance } from "./theme.js";

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<ClassPage>} */
export function mount(root, _emit) {
  /** @type {ClassPage} */
  let page;
  /** @type {ReturnType<typeof openRoom> | null} */
  let room = null;
  root.classList.add("dp-root", "dp-class", "dp-class-projector");
  const title = el("h1", {});
  const status = el("p", { role: "status" });
  const body = el("div", {});
  root.append(title, body, status);
  const unwatch = watchAppearance(root, () => readTheme(root));
  const wall = wallView({ picture: (one) => /** @type {NonNullable<typeof room>} */ (room).picture(one), names: false });
  const sweep = sweepView();
  let drawn = "";

  /** @param {Room} now */
  function draw(now) {
    const { stage } = now;
    const what = stage.shown !== null ? `step ${stage.shown}` : stage.task || "link";
    root.dataset.shown = what;
    status.textContent = _("{students} students · {link}", { students: now.students.size, link: studentsLink(page.code) });
    if (stage.shown !== null) body.replaceChildren(...stepParts(now, stage.shown));
    else if (what !== drawn) body.replaceChildren(what === "wall" ? wall.root : what === "sweep" ? sweep.root : linkView(page.code));
    drawn = what;
    wall.update(now);
    sweep.update(now);
  }

  /** @param {Room} now @param {number} k */
  function stepParts(now, k) {
    const step = page.lesson?.steps[k];
    if (!step) return [];
    const given = [...now.progress.values()].filter((one) => one.step === k);
    if (step.kind === "explain") {
      const approved = given.filter((one) => one.approved && one.value.text);
      return [el("p", {}, markup(step.text).fragment), el("ul", { class: "dp-class-sentences" }, ...approved.map((one) => el("li", {}, el("q", {}, one.value.text))))];
    }
    const of = (/** @type {number} */ question) => given.flatMap(({ value }) => (value.answers[question] === undefined || value.answers[question] === null ? [] : [/** @type {Answer} */ (value.answers[question])]));
    return step.questions.map((question, number) => answersView(question, of(number), { isRevealed: now.stage.is_revealed }));
  }

  /** @param {ClassPage} given */
  function update(given) {
    page = given;
    title.textContent = page.title;
    document.title = page.title;
    room = openRoom(page.code, { onRoom: draw, onProblem: (refusal) => refusal && (status.textContent = refusal.message) });
  }
  return component(root, update, () => room?.end(), unwatch);
}
