// How the pages of a class speak with the server: questions with an answer, and questions that wait for a change.

import { _ } from "./language.js";

const PATIENCE = 60_000; // milliseconds that an answer may take, those that wait for a change included
const PAUSES = [1_000, 2_000, 4_000, 8_000, 15_000]; // milliseconds before it is tried again

/** What the server does not do, with its sentence. status: of HTTP; 0 where no server was reached. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether it may work later without anything being changed. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @typedef {{ method?: string, bearer?: string, body?: unknown, signal?: AbortSignal }} Ask
 * bearer: the token of a student or the secret of a teacher; body: becomes JSON.
 */

/**
 * Asks the server, and gives its answer.
 * @param {URL} url @param {Ask} [ask] @returns {Promise<Response>}
 */
export async function request(url, { method = "GET", bearer, body, signal } = {}) {
  const headers = { ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  const late = AbortSignal.timeout(PATIENCE);
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: signal ? AbortSignal.any([signal, late]) : late });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Refusal(0, _("The server cannot be reached. This page goes on when it can."));
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  throw new Refusal(answer.status, said?.problem ?? _("The server cannot be reached. This page goes on when it can."));
}

/**
 * The same for JSON.
 * @param {URL} url @param {Ask} [ask] @returns {Promise<any>}
 */
export const call = async (url, ask) => (await request(url, ask)).json();

/** @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done(undefined)), { once: true });
  });
}

/**
 * Does something until it works or is refused for good, with growing pauses.
 * @template T
 * @param {() => Promise<T>} attempt @param {AbortSignal} signal @param {(problem: Refusal) => void} onProblem  what holds it up
 * @returns {Promise<T>}
 */
export async function persist(attempt, signal, onProblem) {
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (problem) {
      if (!(problem instanceof Refusal) || !problem.isPassing) throw problem;
      onProblem(problem);
      await pause(PAUSES[Math.min(tries, PAUSES.length - 1)] * (0.75 + Math.random() / 2), signal);
    }
  }
}

/**
 * Follows something that has versions until `signal` is aborted: each change is asked for as it happens.
 * @param {(since: number) => URL} at @param {string} bearer @param {AbortSignal} signal
 * @param {{ onState: (state: any) => void, onProblem: (problem: Refusal) => void }} handlers  onProblem: what holds it up, or ends it
 */
export async function follow(at, bearer, signal, { onState, onProblem }) {
  let since = 0;
  while (!signal.aborted) {
    try {
      const state = await persist(() => call(at(since), { bearer, signal }), signal, onProblem);
      since = state.version;
      onState(state);
    } catch (problem) {
      if (problem instanceof Refusal) onProblem(problem);
      return;
    }
  }
}
