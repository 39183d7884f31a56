// The teacher's page of a class: its link, who is where, what was answered, the wall, an experiment for all, and what is kept.
/** @import { ClassPage, RailStep } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
/** @import { Room, Done } from "./class_room.js" */
/** @import { Answer } from "./rail_questions.js" */
import { answersView } from "./class_answers.js";
import { linkView } from "./class_invitation.js";
import { openRoom } from "./class_room.js";
import { sweepForm } from "./class_sweep_form.js";
import { sweepView, wallView } from "./class_wall.js";
import { kindNames } from "./course_progress.js";
import { chip, component, el, markup, options } from "./dom.js";
import { _ } from "./language.js";
import { inWords, isRight } from "./rail_questions.js";
import { readTheme, watchAppearance } from "./theme.js";

const AWAY = 40; // seconds without a sign of a student's page

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<ClassPage>} */
export function mount(root, _emit) {
  /** @type {ClassPage} */
  let page;
  /** @type {ReturnType<typeof openRoom> | null} */
  let room = null;
  /** @type {Room | null} */
  let now = null;
  let shownStep = 0; // whose answers are looked at
  root.classList.add("dp-root", "dp-class");
  const problem = el("p", { class: "dp-class-problem", role: "alert", hidden: true });
  const head = el("header", { class: "dp-class-head" });
  const stage = el("section", { class: "dp-class-stage" });
  const people = el("section", {});
  const answers = el("section", {});
  const results = el("section", {});
  const kept = el("section", { class: "dp-class-kept" });
  const until = el("p", {});
  const unwatch = watchAppearance(root, () => readTheme(root));
  const wall = wallView({ picture: (one) => /** @type {NonNullable<typeof room>} */ (room).picture(one), names: true });
  const sweep = sweepView();
  const opens = el("select", { "aria-label": _("Steps that are open") });
  opens.addEventListener("change", () => room?.set({ open_to: opens.value === "" ? null : Number(opens.value) }));
  const task = el("select", { "aria-label": _("What students compute") }, ...options([["", _("nothing for the class")], ["wall", _("for the wall")], ["sweep", _("their part of the experiment")]]));
  task.addEventListener("change", () => room?.set({ task: /** @type {"" | "wall" | "sweep"} */ (task.value) }));

  const steps = () => page.lesson?.steps ?? [];
  const stepName = (/** @type {RailStep} */ step, /** @type {number} */ k) => _("{number}. {kind}", { number: k + 1, kind: kindNames()[step.kind] });

  // --- what stands once ------------------------------------------------------------------------------------------------
  function build() {
    document.title = page.title;
    const projector = el("a", { class: "dp-chip", href: new URL("./projector", location.href).href, target: "_blank" }, _("Projector"));
    const open = el("a", { class: "dp-chip dp-next", href: new URL(`../../${page.home}${page.home.includes("?") ? "&" : "?"}class=${page.code}`, location.href).href, target: "_blank" }, _("Open the lab, and lead"));
    const sheets = page.lesson ? [el("a", { class: "dp-chip", href: sheet(""), target: "_blank" }, _("Worksheet")), el("a", { class: "dp-chip", href: sheet("&answers"), target: "_blank" }, _("Worksheet with answers"))] : [];
    head.replaceChildren(el("h1", {}, page.title), el("div", { class: "dp-class-row" }, open, projector, ...sheets), linkView(page.code));
    opens.replaceChildren(...options([["", _("all steps are open")], ...steps().map((one, k) => /** @type {[string, string]} */ ([String(k), _("up to {step}", { step: stepName(one, k) })]))]));
    const held = page.lesson ? [el("label", {}, _("Lesson:"), " ", opens)] : [];
    stage.replaceChildren(...held, el("label", {}, _("Students compute"), " ", task));
    results.replaceChildren(el("h2", {}, _("Wall")), wall.root, el("h2", {}, _("Experiment for all")), sweepForm({ home: page.home, onSplit: (split) => room?.command({ sweep: split, stage: { task: "sweep" } }) }), sweep.root);
    root.replaceChildren(problem, head, stage, people, answers, results, kept);
    drawKept();
  }

  /** @param {string} more */
  const sheet = (more) => new URL(`../worksheet/${page.lesson?.number}?${new URLSearchParams(location.search)}${more}`, location.href).href;

  // --- what changes ------------------------------------------------------------------------------------------------------
  /** @param {Room} next */
  function draw(next) {
    now = next;
    opens.value = now.stage.open_to === null ? "" : String(now.stage.open_to);
    task.value = now.stage.task;
    until.textContent = _("Nicknames, answers and results, on this server only. They are deleted by themselves on {date}, or now by you.", { date: new Date(now.expires * 1000).toLocaleDateString(document.documentElement.lang) });
    drawPeople(now);
    drawAnswers(now);
    wall.update(now);
    sweep.update(now);
    root.dataset.students = String(now.students.size);
    root.dataset.version = String(now.version);
  }

  /** @param {Room} now */
  function drawPeople(now) {
    const here = [...now.students.values()].filter((one) => now.now - now.seen[one.number] < AWAY).length;
    const rows = [...now.students.values()].sort((a, b) => a.number - b.number).map((student) => {
      const isAway = now.now - now.seen[student.number] >= AWAY;
      const dots = steps().map((_step, k) => el("i", { class: "dp-class-dot", "data-state": stateOf(now, student.number, k), "data-here": String(student.step === k) }));
      const remove = chip("✕", () => confirm(_("Remove {name} and all answers?", { name: nameOf(now, student.number) })) && room?.command({ remove: student.number }), { "aria-label": _("Remove {name}", { name: nameOf(now, student.number) }) });
      return el("li", { "data-away": String(isAway) }, el("span", {}, nameOf(now, student.number)), el("span", { class: "dp-class-dots", "aria-label": _("at step {step}", { step: student.step + 1 }) }, ...dots), isAway ? el("small", {}, _("away")) : null, remove);
    });
    const count = _("{here} of {all} students are here", { here, all: now.students.size });
    people.replaceChildren(el("h2", {}, _("Students")), el("p", { role: "status" }, now.students.size ? count : _("Nobody has come yet. Give your students the link.")), el("ul", { class: "dp-class-people" }, ...rows));
  }

  /** @param {Room} now @param {number} number @param {number} k */
  function stateOf(now, number, k) {
    const done = now.progress.get(`${number} ${k}`)?.value;
    if (!done) return "none";
    return done.wrong && !done.done ? "wrong" : done.done ? "done" : "begun";
  }

  /** @param {Room} now @param {number} number */
  const nameOf = (now, number) => now.students.get(number)?.name || _("no. {number}", { number });

  /** @param {Room} now */
  function drawAnswers(now) {
    if (!steps().length) return;
    const asked = steps().flatMap((step, k) => (step.questions.length || step.kind === "explain" ? [k] : []));
    if (!asked.includes(shownStep)) shownStep = asked[0];
    const chips = asked.map((k) => chip(stepName(steps()[k], k), () => ((shownStep = k), drawAnswers(/** @type {Room} */ (now))), { "aria-pressed": String(k === shownStep) }));
    const step = steps()[shownStep];
    const given = [...now.progress.values()].filter((one) => one.step === shownStep);
    const onProjector = now.stage.shown === shownStep;
    const show = chip(onProjector ? _("Take it off the projector") : _("Show it on the projector"), () => room?.set({ shown: onProjector ? null : shownStep, is_revealed: false }), { "data-action": "show", class: "dp-chip dp-next" });
    const reveal = chip(now.stage.is_revealed ? _("Hide what is right") : _("Reveal what is right"), () => room?.set({ is_revealed: !now.stage.is_revealed }), { "data-action": "reveal", hidden: !onProjector || step.kind === "explain" });
    const views = step.kind === "explain" ? [sentences(now, given)] : step.questions.map((question, k) => questionAnswers(step, question, k, given));
    answers.replaceChildren(el("h2", {}, _("Answers")), el("div", { class: "dp-class-row" }, ...chips), el("p", {}, markup(step.text).fragment), ...views, el("div", { class: "dp-class-row" }, show, reveal));
  }

  /** @param {RailStep} step @param {import("../payloads.js").RailQuestion} question @param {number} k @param {Done[]} given */
  function questionAnswers(step, question, k, given) {
    const first = given.flatMap(({ value }) => {
      const missed = value.missed.find(([number]) => number === k)?.[1];
      const answer = step.kind === "check" && missed !== undefined ? missed : value.answers[k];
      return answer === undefined || answer === null ? [] : [/** @type {Answer} */ (answer)];
    });
    const wrong = first.filter((answer) => !isRight(question, answer));
    const often = new Map();
    for (const answer of wrong) often.set(inWords(question, answer), (often.get(inWords(question, answer)) ?? 0) + 1);
    const worst = [...often].sort((a, b) => b[1] - a[1])[0];
    const words = worst ? _("{right} of {all} right. Most frequent wrong answer: {answer} ({count}).", { right: first.length - wrong.length, all: first.length, answer: worst[0], count: worst[1] }) : _("{right} of {all} right.", { right: first.length, all: first.length });
    return el("div", {}, answersView(question, first, { isRevealed: true }), el("p", {}, first.length ? words : _("No answers yet.")));
  }

  /** @param {Room} now @param {Done[]} given */
  function sentences(now, given) {
    const written = given.filter(({ value }) => value.text);
    const rows = written.map(({ number, step, value, approved }) => el("li", {}, el("q", {}, value.text), el("small", {}, nameOf(now, number)), chip(approved ? _("On the projector, without a name") : _("Approve for the projector"), () => room?.command({ approve: [number, step, !approved] }), { "aria-pressed": String(Boolean(approved)) })));
    return written.length ? el("ul", { class: "dp-class-sentences" }, ...rows) : el("p", {}, _("No sentences yet."));
  }

  function drawKept() {
    const gone = chip(_("Delete this class for good"), remove, { "data-action": "delete" });
    const over = chip(_("End the class"), () => room?.set({ is_over: true, lead: "" }), { "data-action": "end" });
    kept.replaceChildren(el("h2", {}, _("What is kept")), until, el("div", { class: "dp-class-row" }, chip(_("Save as CSV"), () => room?.save("csv")), chip(_("Save as JSON"), () => room?.save("json")), over, gone));
  }

  async function remove() {
    if (!confirm(_("Delete this class with all answers? This cannot be undone."))) return;
    await room?.remove();
    room?.end();
    root.replaceChildren(el("h1", {}, _("This class is deleted.")));
  }

  /** @param {ClassPage} given */
  function update(given) {
    page = given;
    build();
    room = openRoom(page.code, {
      onRoom: draw,
      onProblem(refusal) {
        problem.hidden = !refusal;
        problem.textContent = refusal?.message ?? "";
      },
    });
  }
  return component(root, update, () => room?.end(), unwatch);
}
