// The bar of a class on every lab: joins the class, sends what the student does, follows the teacher, and lets a teacher lead.
//
// What is sent follows from what is kept: each step of the lesson whose progress differs from what the server has. So nothing is
// lost by a reload, a sleeping laptop or a server that starts again, and what comes twice changes nothing.
/** @import { ClassBar } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
import { keep, keptOf } from "./class_kept.js";
import { call, follow, persist, Refusal } from "./class_link.js";
import { pictureNow, smallPicture } from "./class_picture.js";
import { openTo } from "./class_stage.js";
import { lessonProgress, onProgress, resetLesson } from "./course_progress.js";
import { chip, component, el } from "./dom.js";
import { factsNow, labOfPage } from "./facts.js";
import { _ } from "./language.js";
import { leadTo } from "./view_link.js";

const MOST = 50; // that are sent at once
const EVERY = 400; // milliseconds between two looks at the page
const SENTENCE = 1000; // letters that the server takes
const PICTURE_LOOKS = 12; // after which a result goes without a picture
const LEADS = "dp-class-leads"; // in this tab, over all labs
const OWN = ["class", "lang"]; // names in the address that are each reader's own
const VIEW = ["lesson", "at", "only", "lock"]; // those that are no settings of the lab

/**
 * step: where the server last saw this student; cell: the part of an experiment that is this student's.
 * @typedef {{ version: number, number: number, name: string, step: number, lesson: number | null, home: string, expires: number,
 *   open_to: number | null, lead: string, task: "" | "wall" | "sweep", is_over: boolean, cell: { number: number, address: string } | null }} ClassState
 */
/** @typedef {{ kind: "step", step: number, progress: object } | { kind: "place", step: number } | { kind: "result", task: string, address: string, facts: object, picture: string }} Happening */

/** Of this tab, by chance: it counts what it sends. */
const CLIENT = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
/** By what it is known again, without its picture. @param {Happening} one */
const signOf = (one) => JSON.stringify({ ...one, picture: undefined });

/** @param {string | undefined} a @param {string} b */
const isSame = (a, b) => a === b || (a !== undefined && Number(a) === Number(b));
const shared = /** @type {{ dpClassCount?: number }} */ (/** @type {unknown} */ (globalThis));

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<ClassBar>} */
export function mount(root, _emit) {
  const ended = new AbortController();
  let code = "";
  /** @type {ClassState | null} */
  let state = null;
  /** @type {Record<string, string>} */
  let defaults = {};
  let problem = "";
  let isNew = false; // has just joined
  let isSending = false;
  let isCareful = false; // one at a time, after what could not be read
  let isLeading = false;
  let led = ""; // the address that was last led to
  let reported = ""; // the job whose result was sent
  let pictured = ""; // whose picture went with it
  let waited = 0; // looks that its picture was waited for
  /** @type {Record<string, Happening>} */
  const results = {}; // that have not arrived yet

  root.classList.add("dp-root", "dp-class-bar");
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", _("Class"));
  root.hidden = true;

  const api = (/** @type {string} */ path) => new URL(`./class/api/${code}/${path}`, location.href);

  // --- joining ---------------------------------------------------------------------------------------------------------
  function drawJoin() {
    const name = el("input", { type: "text", maxlength: 40, autocomplete: "off", placeholder: _("A nickname, or none"), "aria-label": _("Nickname") });
    const form = el("form", { class: "dp-class-join" }, el("b", {}, _("You are invited to a class.")), name, el("button", { class: "dp-chip dp-next", "data-action": "join" }, _("Join")), el("small", { role: "status" }, problem || _("Your answers go to your teacher. No other data is kept.")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      join(name.value);
    });
    root.replaceChildren(form);
  }

  /** @param {string} name */
  async function join(name) {
    try {
      const joined = await persist(() => call(api("join"), { method: "POST", body: { name: name.trim() } }), ended.signal, say);
      keep(code, { token: joined.token, number: joined.number, sent: {} });
      problem = "";
      isNew = true;
      begin();
    } catch (refusal) {
      if (refusal instanceof Refusal) say(refusal);
    }
  }

  /** @param {Refusal} refusal */
  function say(refusal) {
    problem = refusal.message;
    if (refusal.status === 403) {
      keep(code, { token: undefined, sent: {} });
      state = null;
    }
    draw();
  }

  function leave() {
    if (state?.lesson) resetLesson(state.lesson);
    keep(code, { token: undefined, number: undefined, sent: {} });
    openTo(null);
    location.reload();
  }

  // --- what the class does -----------------------------------------------------------------------------------------------
  function begin() {
    const { token } = keptOf(code);
    if (!token) return drawJoin();
    draw();
    follow((since) => new URL(`?since=${since}`, api("state")), token, ended.signal, { onState: take, onProblem: say });
  }

  /** @param {ClassState} next */
  function take(next) {
    if (state && next.version < state.version) return;
    problem = "";
    state = next;
    openTo(state.open_to);
    if (isNew && !state.lesson && !state.lead) go(state.home); // with a seed of one's own
    isNew = false;
    draw();
    goWith();
    send();
  }

  /** Goes where the teacher is. */
  function goWith() {
    if (!state?.lead || state.lead === led || keptOf(code).isFree) return;
    led = state.lead;
    go(led);
  }

  /** @param {string} address  of a lab, relative to the playground */
  function go(address) {
    const url = new URL(`./${address}`, location.href);
    const here = new URL(location.href);
    for (const name of OWN) if (here.searchParams.has(name)) url.searchParams.set(name, here.searchParams.get(name) ?? "");
    url.searchParams.set("class", code);
    if (url.href === here.href) return;
    if (url.pathname === here.pathname) leadTo(url);
    else location.assign(url);
  }

  // --- what the student does -----------------------------------------------------------------------------------------------
  /** What the server has not got, by what it is. @returns {Record<string, Happening>} */
  function news() {
    /** @type {Record<string, Happening>} */
    const found = { ...results };
    if (!state?.lesson) return found;
    const progress = lessonProgress(state.lesson);
    const open = Object.entries(progress.steps).map(([step, one]) => /** @type {[string, Happening]} */ ([step, { kind: "step", step: Number(step), progress: { ...one, ...(one.text ? { text: one.text.slice(0, SENTENCE) } : {}) } }]));
    return { ...found, ...Object.fromEntries(open), place: { kind: "place", step: progress.at } };
  }

  async function send() {
    const { token } = keptOf(code);
    if (isSending || !state || state.is_over || !token) return;
    const sent = keptOf(code).sent ?? {};
    const fresh = Object.entries(news()).filter(([name, one]) => sent[name] !== signOf(one)).slice(0, isCareful ? 1 : MOST);
    if (!fresh.length) return draw();
    isSending = true;
    draw();
    const events = fresh.map(([, one]) => ({ ...one, sequence: (shared.dpClassCount = (shared.dpClassCount ?? 0) + 1) }));
    const settle = () => {
      keep(code, { sent: { ...keptOf(code).sent, ...Object.fromEntries(fresh.map(([name, one]) => [name, signOf(one)])) } });
      for (const [name, one] of fresh) if (results[name] === one) delete results[name];
    };
    try {
      const answer = await persist(() => call(api("report"), { method: "POST", bearer: token, body: { client: CLIENT, events } }), ended.signal, say);
      settle();
      isSending = false;
      take(answer);
    } catch (refusal) {
      isSending = false;
      if (!(refusal instanceof Refusal)) return;
      if (refusal.status !== 400) return say(refusal);
      // One of them is none that a class takes, as of progress that was imported: each goes by itself, and that one stays here.
      if (fresh.length === 1) settle();
      isCareful = true;
      send();
    }
  }

  /** Results of the lab for the class: once for each job that has ended, with its picture, which comes a moment later. */
  function watchJob() {
    if (!state?.task) return;
    const lab = labOfPage();
    const facts = factsNow({});
    const job = `${facts[`${lab}.seconds`] ?? ""}`;
    if (facts[`${lab}.state`] !== "finished" || !job || job === reported) return;
    const task = state.task === "sweep" ? (state.cell && isOfCell(state.cell.address) ? `cell ${state.cell.number}` : "") : "wall";
    const picture = pictureNow();
    if (task && (!picture || picture.id === pictured) && waited++ < PICTURE_LOOKS) return;
    reported = job;
    waited = 0;
    if (!task) return;
    pictured = picture?.id ?? pictured;
    results[task] = { kind: "result", task, address: addressNow(), facts: ofLab(facts, lab), picture: picture ? smallPicture(picture.canvas) : "" };
    send();
  }

  /** What of the facts is of this lab, without its settings, which the address has. @param {import("./facts.js").Facts} facts @param {string} lab */
  function ofLab(facts, lab) {
    const settings = new URLSearchParams(location.search);
    const own = Object.entries(facts).filter(([name]) => name.startsWith(`${lab}.`)).map(([name, value]) => /** @type {[string, string | number]} */ ([name.slice(lab.length + 1), value]));
    return Object.fromEntries(own.filter(([name]) => !settings.has(name)).slice(0, 40));
  }

  /** Whether the lab has the settings of that address. @param {string} address */
  function isOfCell(address) {
    const wanted = new URL(`./${address}`, location.href);
    const here = new URLSearchParams(location.search);
    return wanted.pathname === location.pathname && [...wanted.searchParams].every(([name, value]) => VIEW.includes(name) || isSame(here.get(name) ?? defaults[name], value));
  }

  /** Where this page is, relative to the playground. */
  function addressNow() {
    const url = new URL(location.href);
    for (const name of OWN) url.searchParams.delete(name);
    return `${labOfPage()}${url.search}${url.hash}`;
  }

  // --- the teacher's own page of a lab ---------------------------------------------------------------------------------------
  function lead() {
    const address = addressNow();
    if (!isLeading || address === led) return;
    led = address;
    command({ stage: { lead: address } });
  }

  /** @param {object} change */
  const command = (change) => call(api("command"), { method: "POST", bearer: keptOf(code).secret, body: change }).catch((refusal) => refusal instanceof Refusal && say(refusal));

  /** @param {boolean} leads */
  function setLeading(leads) {
    isLeading = leads;
    led = "";
    try {
      sessionStorage.setItem(LEADS, leads ? code : "");
    } catch {
      // Then it ends with this page.
    }
    if (leads) lead();
    else command({ stage: { lead: "" } });
    draw();
  }

  // --- drawing -----------------------------------------------------------------------------------------------------------
  let drawn = "";
  function draw() {
    const kept = keptOf(code);
    if (!kept.secret && !kept.token) return drawJoin();
    const parts = kept.secret ? teacherParts() : studentParts();
    const words = JSON.stringify([kept.secret ? "teacher" : "student", isLeading, ...parts.map((part) => part.textContent)]);
    if (words === drawn) return; // what has the focus stays
    drawn = words;
    root.replaceChildren(...parts);
  }

  function teacherParts() {
    const page = el("a", { href: new URL(`./class/${code}/teacher#${keptOf(code).secret}`, location.href).href }, _("Teacher's page"));
    const words = isLeading ? _("You lead: your students go where you go.") : _("This is your class {code}.", { code });
    return [el("span", { role: "status" }, problem || words), chip(isLeading ? _("Stop leading") : _("Lead the class"), () => setLeading(!isLeading), { "data-action": "lead", "aria-pressed": String(isLeading) }), page];
  }

  function studentParts() {
    const { number = 0, isFree = false } = keptOf(code);
    const name = state?.name || _("no. {number}", { number });
    const saved = problem || (state?.is_over ? _("The class is over. What you do now stays in your browser.") : isSending || !state ? _("Sending …") : _("Saved"));
    const parts = [el("b", {}, _("Class: you are {name}", { name })), el("span", { role: "status", class: "dp-class-saved", "data-saved": String(!problem && !isSending && state !== null) }, saved)];
    if (state?.lead) parts.push(el("span", {}, isFree ? _("Your teacher leads.") : _("You follow your teacher.")), chip(isFree ? _("Follow") : _("Let go"), () => setFree(!isFree), { "data-action": "follow-teacher" }));
    if (state?.cell && !isOfCell(state.cell.address)) parts.push(chip(_("Open your part of the experiment"), () => state?.cell && go(state.cell.address), { "data-action": "cell", class: "dp-chip dp-next" }));
    else if (state?.cell) parts.push(el("span", {}, _("This is your part of the experiment: start it.")));
    else if (state?.task === "sweep") parts.push(el("span", {}, _("All parts are given out. Look at the projector.")));
    else if (state?.task === "wall") parts.push(el("span", {}, _("What you compute is shown on the wall.")));
    if (state && labOfPage() !== state.home.split("?")[0] && !state.cell) parts.push(chip(_("To the class's page"), () => state && go(state.home), { "data-action": "home" }));
    parts.push(chip(_("Leave"), leave, { "data-action": "leave", title: _("Somebody else uses this browser: forget me") }));
    return parts;
  }

  /** @param {boolean} isFree */
  function setFree(isFree) {
    keep(code, { isFree });
    led = "";
    goWith();
    draw();
  }

  function look() {
    if (!code || !root.isConnected) return;
    if (keptOf(code).secret) return lead();
    watchJob();
    if (state) draw();
  }
  const ticking = setInterval(look, EVERY);
  const unfollow = onProgress(() => send());

  /** @param {ClassBar} given */
  function update(given) {
    defaults = given.defaults;
    if (!given.code || given.code === code) return;
    code = given.code;
    root.hidden = false;
    root.toggleAttribute("data-lesson", new URLSearchParams(location.search).has("lesson"));
    if (!keptOf(code).secret) return begin();
    try {
      isLeading = sessionStorage.getItem(LEADS) === code;
    } catch {
      // It keeps nothing.
    }
    draw();
  }

  function end() {
    ended.abort();
    clearInterval(ticking);
    unfollow();
    openTo(null);
  }
  return component(root, update, end);
}
