// The rail: a lesson beside the lab. It shows one step at a time, knows from the facts of the lab when a step is done, and keeps
// progress in the browser. The step stands in the address (at=3), so a link or "back" leads to it.
/** @import { Rail, RailStep } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
/** @import { Answer } from "./rail_questions.js" */
import { isOpen, onOpened } from "./class_stage.js";
import { kindNames, lessonProgress, onProgress, writePlace, writeStep } from "./course_progress.js";
import { chip, component, el, markup } from "./dom.js";
import { factsNow, holds, labOfPage } from "./facts.js";
import { _, localized } from "./language.js";
import { showPredictions } from "./predictions.js";
import { railPlace, settingsChip } from "./rail_place.js";
import { inWords, isRight, questionView, rightInWords, whyOf } from "./rail_questions.js";
import { readTheme, watchAppearance } from "./theme.js";
import { leadTo } from "./view_link.js";

const EVERY = 250; // milliseconds between two readings of the facts
const QUIET = 40_000; // milliseconds without any action before a hint comes by itself
const MISSED = 16; // wrong answers of a step that are kept
const OF_JOB = ["state", "done"]; // facts that say how far a job is
const FIGURES = '[data-testid="stBidiComponentIsolated"], .stPlotlyChart, .dp-component, [data-testid="stCaptionContainer"], .dp-looking-at'; // in either front end
const CLASS = ".st-key-class-bar, #class-bar"; // which is no figure
const OF_LESSON = ["lesson", "at"]; // names in the address

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<Rail>} */
export function mount(root, _emit) {
  /** @type {Rail | null} */
  let lesson = null;
  let at = 0;
  let drawn = ""; // which step stands there, and whether it is done
  let acted = performance.now();
  let isHinted = false;
  let earlier = ""; // the job that had ended before the settings of this step were there

  root.classList.add("dp-root", "dp-rail");
  root.setAttribute("role", "complementary");
  const title = el("div", { class: "dp-rail-title" });
  const dots = el("ol", { class: "dp-dots" });
  const heading = el("h2", { tabindex: "-1" });
  const body = el("div", { class: "dp-rail-body" });
  const hint = el("div", { class: "dp-hint", role: "status", hidden: true });
  const spoken = el("div", { class: "dp-done", role: "status" });
  const back = chip(_("Back"), () => go(at - 1), { "data-action": "back" });
  const next = chip(_("Next"), () => forward(), { "data-action": "next", class: "dp-chip dp-next" });
  const skip = chip(_("Skip this step"), () => forward(), { "data-action": "skip", class: "dp-chip dp-skip-step" });
  const held = el("p", { class: "dp-held", role: "status", hidden: true }, _("Your teacher opens the next step."));
  root.append(title, dots, heading, body, hint, spoken, held, el("div", { class: "dp-rail-foot" }, back, skip, next));
  const place = railPlace(root, () => forward());
  const settings = settingsChip();

  const step = () => /** @type {Rail} */ (lesson).steps[at];
  const kept = (k = at) => lessonProgress(/** @type {Rail} */ (lesson).number).steps[k] ?? {};
  const isDone = () => kept().done === true;

  // --- where the reader is ---------------------------------------------------------------------------------------
  const asked = () => {
    const value = new URLSearchParams(location.search).get("at");
    return value !== null && /^\d+$/.test(value) ? Number(value) : null;
  };

  /**
   * What of an address says in which state the lab is.
   * @param {string} address
   */
  function stateIn(address) {
    const url = new URL(address, location.href);
    for (const name of OF_LESSON) url.searchParams.delete(name);
    url.searchParams.sort();
    return url.pathname + url.search + url.hash;
  }

  /** @param {number} k  a step; the lab is led to its state, unless that is the state of the step before */
  function go(k) {
    if (!lesson || !lesson.steps[k] || !isOpen(k)) return;
    const before = step();
    at = k;
    writePlace(lesson.number, at);
    const url = localized(step().address);
    const isNew = stateIn(before.address) !== stateIn(step().address);
    if (!isNew) {
      const here = new URL(location.href);
      here.searchParams.set("at", String(at));
      history.pushState(history.state, "", here);
    } else if (!lead(url)) return;
    arrive(isNew);
  }

  /**
   * Leads the lab to an address; false where that loads another page.
   * @param {URL} url
   */
  function lead(url) {
    if (url.pathname !== location.pathname) {
      location.assign(url);
      return false;
    }
    leadTo(url);
    return true;
  }

  function forward() {
    if (!lesson) return;
    if (at + 1 < lesson.steps.length) return go(at + 1);
    location.assign(localized(lesson.following || lesson.contents));
  }

  function arrive(isNew = true) {
    isHinted = false;
    earlier = "";
    acted = performance.now();
    draw();
    heading.focus({ preventScroll: true });
    place.arrive(isNew);
  }

  // --- drawing ---------------------------------------------------------------------------------------------------
  function draw() {
    if (!lesson || !step()) return;
    const now = step();
    drawn = `${at} ${isDone()}`;
    title.replaceChildren(el("span", {}, _("Lesson {number}: {title}", { number: lesson.number, title: lesson.title })), el("a", { href: localized(lesson.contents).href, class: "dp-contents" }, _("All lessons")));
    const names = kindNames();
    dots.replaceChildren(...lesson.steps.map((one, k) => el("li", {}, el("button", { type: "button", class: "dp-dot", "aria-label": _("Step {step}: {kind}", { step: k + 1, kind: names[one.kind] }), title: names[one.kind], "aria-current": k === at ? "step" : null, "data-done": String(kept(k).done === true), onclick: () => go(k) }))));
    hint.hidden = true;
    body.after(hint);
    heading.textContent = _("{kind} · step {step} of {steps}", { kind: names[now.kind], step: at + 1, steps: lesson.steps.length });
    body.replaceChildren(el("p", {}, markup(now.text).fragment), ...parts[now.kind](now));
    root.dataset.kind = now.kind;
    back.hidden = at === 0;
    next.textContent = at + 1 < lesson.steps.length ? _("Next") : lesson.following ? _("Next lesson") : _("All lessons");
    settle();
    cover();
    mark();
    root.dataset.lesson = String(lesson.number);
    root.dataset.step = String(at);
  }

  /** What changes when a step is done. */
  function settle() {
    const done = isDone();
    root.dataset.done = String(done);
    const isHeld = !isOpen(at + 1) && at + 1 < (lesson?.steps.length ?? 0);
    next.disabled = !done || isHeld;
    next.title = isHeld ? _("Your teacher opens the next step.") : "";
    skip.hidden = done || isHeld;
    [...dots.children].forEach((dot, k) => dot.firstElementChild?.toggleAttribute("disabled", !isOpen(k)));
    held.hidden = !isHeld || !done;
    place.say(done && step().kind === "do" ? _("Done. Go on when you have looked at it.") : heading.textContent ?? "", done);
    if (done) hint.hidden = true;
    if (step().kind === "do") spoken.textContent = done ? _("Done. Go on when you have looked at it.") : "";
    else if (done && at + 1 === lesson?.steps.length) spoken.replaceChildren(el("b", {}, _("You have finished this lesson.")), " ", markup(lesson.goal).fragment, ...(lesson.following ? [] : [el("p", {}, _("That was the last lesson. The labs are open to you now: “Explore” on the start page numbers them."))]));
    else spoken.textContent = "";
    dots.children[at]?.firstElementChild?.setAttribute("data-done", String(done));
  }

  /** @param {import("./course_progress.js").StepProgress} change */
  function keep(change) {
    if (lesson) writeStep(lesson.number, at, change);
    settle();
  }

  /** @param {string} text @param {HTMLElement} [question]  that it is about; else the step as a whole */
  function giveHint(text, question = body) {
    if (!text) return;
    question.after(hint);
    isHinted = true;
    hint.hidden = false;
    hint.replaceChildren(el("b", {}, _("Hint:")), " ", markup(text).fragment);
  }

  /** Draws what was predicted on the figures that it was about: while it is tried out, and when it is compared. */
  function mark() {
    if (!lesson) return;
    const before = lesson.steps.map((one, k) => (one.kind === "ask" && k < at ? k : -1)).filter((k) => k >= 0);
    const about = step().kind === "see" ? step().of : step().kind === "do" ? before.slice(-1) : [];
    const marks = about.flatMap((k) => {
      const number = lesson?.steps[k].questions[0].number;
      const answer = kept(k).answers?.[0];
      if (!number?.mark || typeof answer !== "number") return [];
      const guess = { axis: number.mark, value: answer, label: _("your prediction") };
      return step().kind === "see" ? [guess, { axis: number.mark, value: number.answer, label: _("what happens") }] : [guess];
    });
    showPredictions(marks);
  }

  /** @type {Record<string, (now: RailStep) => HTMLElement[]>} */
  const parts = {
    ask: (now) => [askView(now)],
    do: (now) => (new URL(now.address, location.href).searchParams.has("only") ? [settings.node] : []),
    see(now) {
      keep({ done: true });
      return now.of.map((k) => comparedView(k));
    },
    explain: (now) => explainView(now),
    check: (now) => now.questions.map((_question, k) => checkView(now, k)),
    try() {
      keep({ done: true });
      return [];
    },
  };

  /** @param {RailStep} now */
  function askView(now) {
    const [question] = now.questions;
    const given = kept().answers?.[0];
    if (given !== undefined) return el("div", { class: "dp-committed" }, el("div", {}, markup(question.text).fragment), el("div", {}, _("Your prediction:"), " ", el("b", {}, inWords(question, given))), el("small", {}, _("It stays as it is. You will see what happens.")));
    /** @type {Answer | null} */
    let answer = null;
    const commit = chip(_("This is my prediction"), committed, { class: "dp-chip dp-commit", disabled: true, "data-action": "commit" });
    function committed() {
      if (answer === null) return;
      keep({ answers: [answer], done: true });
      draw();
      next.focus();
    }
    const view = questionView(question, `ask-${at}`, (value) => {
      answer = value;
      commit.disabled = value === null;
    });
    return el("div", {}, view, commit, el("p", {}, el("small", {}, _("The figures are covered until you have predicted."))));
  }

  /** @param {number} k  the step in which it was asked */
  function comparedView(k) {
    const [question] = /** @type {Rail} */ (lesson).steps[k].questions;
    const given = kept(k).answers?.[0];
    const verdict = given === undefined ? "" : isRight(question, given) ? _("as you predicted") : _("not as you predicted");
    return el(
      "div",
      { class: "dp-compared", "data-right": given === undefined ? null : String(isRight(question, given)) },
      el("div", {}, markup(question.text).fragment),
      el("div", {}, _("Your prediction:"), " ", el("b", {}, given === undefined ? _("none") : inWords(question, given))),
      el("div", {}, _("What happens:"), " ", el("b", {}, rightInWords(question)), verdict && _(" ({verdict})", { verdict })),
      el("p", {}, markup(reasonOf(question, given)).fragment),
    );
  }

  /** @param {import("../payloads.js").RailQuestion} question @param {Answer | undefined} given */
  function reasonOf(question, given) {
    const right = question.choices.findIndex((choice) => choice.right);
    const reasons = [given === undefined ? "" : whyOf(question, given), whyOf(question, question.choices.length ? right : 0)];
    return [...new Set(reasons.filter(Boolean))].join(" ");
  }

  /** @param {RailStep} now */
  function explainView(now) {
    const own = el("textarea", { rows: 3, maxlength: 1000, "aria-label": _("Your explanation, in a sentence or two") });
    own.value = kept().text ?? "";
    const model = el("div", { class: "dp-model", hidden: true }, el("div", {}, el("b", {}, _("One good answer:")), " ", markup(now.model).fragment), el("div", {}, _("A good answer names")), el("ul", {}, ...now.names.map((name) => el("li", {}, markup(name).fragment))));
    const compare = chip(_("Compare with a good answer"), compared, { class: "dp-chip dp-commit", "data-action": "compare" });
    function compared() {
      keep({ text: own.value.trim(), done: true });
      model.hidden = false;
    }
    const typed = () => (compare.disabled = !own.value.trim());
    own.addEventListener("input", typed);
    typed();
    model.hidden = !isDone();
    return [own, compare, model];
  }

  /** @param {RailStep} now @param {number} k */
  function checkView(now, k) {
    const question = now.questions[k];
    const said = el("div", { class: "dp-why", role: "status" });
    /** @type {Answer | null} */
    let answer = null;
    const given = () => kept().answers?.[k];
    const button = chip(_("Check"), check, { class: "dp-chip dp-commit", disabled: true, "data-action": "check" });
    /** @param {Answer} value */
    function tell(value) {
      const right = isRight(question, value);
      said.dataset.right = String(right);
      const why = right || question.choices.length ? whyOf(question, value) : ""; // that of a number or an order is the answer
      said.replaceChildren(el("b", {}, right ? _("Right.") : _("Not yet.")), " ", markup(why).fragment);
      if (!right) giveHint(question.hint, said);
      else if (hint.previousElementSibling === said) hint.hidden = true;
      button.hidden = right;
    }
    function check() {
      if (answer === null) return;
      const right = isRight(question, answer);
      tell(answer);
      if (!right) return keep({ wrong: (kept().wrong ?? 0) + 1, missed: [...(kept().missed ?? []), /** @type {[number, Answer]} */ ([k, answer])].slice(-MISSED) });
      const answers = [...(kept().answers ?? [])];
      answers[k] = answer;
      keep({ answers, done: now.questions.every((one, i) => answers[i] !== undefined && answers[i] !== null && isRight(one, answers[i])) });
      // The button that had the focus is gone.
      const others = /** @type {HTMLElement | null | undefined} */ (said.parentElement?.nextElementSibling?.querySelector("input, button"));
      (isDone() ? next : (others ?? heading)).focus();
    }
    const view = questionView(question, `check-${at}-${k}`, (value) => {
      answer = value;
      button.disabled = value === null;
    });
    const known = given();
    if (known !== undefined && known !== null) tell(known);
    return el("div", { class: "dp-checked" }, view, button, said);
  }

  // --- the lab ---------------------------------------------------------------------------------------------------
  function watch() {
    if (!lesson || !root.isConnected) return;
    putBack();
    cover();
    settings.show();
    if (step().kind === "do" && !isDone() && isReached(lesson.defaults[step().lab] ?? {})) keep({ done: true });
    if (factsNow({})[`${step().lab}.state`] === "running") act(); // nothing to do but wait
    const hintNow = step().hint || step().questions[0]?.hint || "";
    if (!isDone() && !isHinted && performance.now() - acted > QUIET) giveHint(hintNow);
  }
  /** "Back" and "forward" of the browser lead from step to step. */
  function popped() {
    const now = asked();
    if (!lesson || now === null || now === at || !lesson.steps[now]) return;
    at = now;
    writePlace(lesson.number, at);
    arrive();
  }

  /** A page that writes its settings into the address may write the step that it knew of, which is an earlier one. */
  function putBack() {
    if (asked() === at || labOfPage() !== step().lab) return;
    const url = new URL(location.href);
    url.searchParams.set("lesson", String(lesson?.number));
    url.searchParams.set("at", String(at));
    history.replaceState(history.state, "", url);
  }

  /**
   * Whether the lab is as the step asks. Where settings are asked for, and that a job has ended, it is a job begun with them.
   * @param {Record<string, string>} defaults
   */
  function isReached(defaults) {
    const facts = factsNow(defaults);
    const isOfJob = (/** @type {{ fact: string }} */ { fact }) => OF_JOB.includes(fact.split(".")[1]);
    const others = step().done.filter((condition) => !isOfJob(condition));
    if (!others.every((condition) => holds(condition, facts))) {
      earlier = others.length ? jobIn(facts) : "";
      return false;
    }
    const ofJob = step().done.filter(isOfJob);
    return ofJob.every((condition) => holds(condition, facts)) && (!ofJob.length || jobIn(facts) !== earlier);
  }

  const jobIn = (/** @type {import("./facts.js").Facts} */ facts) => String(facts[`${step().lab}.seconds`] ?? "");

  /** What the lab shows is covered while it is still to be predicted. */
  function cover() {
    const own = /** @type {ShadowRoot} */ (root.getRootNode()).host ?? root;
    for (const figure of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(FIGURES))) if (!figure.contains(own) && !figure.closest(CLASS)) uncover(figure, step().kind === "ask" && !isDone());
  }

  /** @param {HTMLElement} figure */
  function uncover(figure, isCovered = false) {
    figure.style.filter = isCovered ? "blur(14px)" : "";
    figure.toggleAttribute("inert", isCovered);
  }

  const act = () => (acted = performance.now());
  for (const kind of ["pointerdown", "keydown", "wheel"]) window.addEventListener(kind, act, { capture: true, passive: true });
  window.addEventListener("popstate", popped);
  const ticking = setInterval(watch, EVERY);
  const unfollow = onProgress(() => lesson && drawn !== `${at} ${isDone()}` && settle());
  const unhold = onOpened(() => lesson && settle());
  const unwatch = watchAppearance(root, () => readTheme(root));

  /** @param {Rail} given */
  function update(given) {
    if (lesson && lesson.number === given.number && lesson.title === given.title) return;
    lesson = given;
    root.setAttribute("aria-label", _("Lesson {number}: {title}", { number: lesson.number, title: lesson.title }));
    const wanted = asked() ?? lessonProgress(lesson.number).at;
    at = lesson.steps[wanted] ? wanted : 0;
    writePlace(lesson.number, at);
    if (asked() === null) return location.replace(localized(step().address)); // a link to the lesson alone goes on where the reader was
    draw();
  }

  function end() {
    clearInterval(ticking);
    window.removeEventListener("popstate", popped);
    for (const kind of ["pointerdown", "keydown", "wheel"]) window.removeEventListener(kind, act, { capture: true });
    unfollow();
    unhold();
    unwatch();
    place.end();
    showPredictions([]);
    for (const figure of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(FIGURES))) uncover(figure);
  }
  return component(root, update, end);
}
