// A class as its teacher sees it: followed over HTTP, each change as it happens, and changed by commands.

import { keep, keptOf } from "./class_kept.js";
import { call, follow, Refusal, request } from "./class_link.js";
import { saveBlob } from "./download.js";

/** @typedef {{ done: boolean, answers: (number | number[] | null)[], wrong: number, missed: [number, number | number[]][], text: string }} Progress */
/** @typedef {{ number: number, name: string, joined: number, step: number }} Student */
/** @typedef {{ number: number, step: number, value: Progress, changed: number, approved: number }} Done */
/** @typedef {{ number: number, task: string, address: string, facts: Record<string, string | number>, changed: number, has_picture: number }} Result */
/** @typedef {{ number: number, settings: Record<string, string>, is_done: number, student: number | null }} Cell */
/** @typedef {{ open_to: number | null, lead: string, shown: number | null, is_revealed: boolean, task: "" | "wall" | "sweep", is_over: boolean }} Stage */
/** @typedef {{ address: string, rows: string, row_values: string[], columns: string, column_values: string[], repeats: number }} Sweep */
/**
 * seen: when each student's page last asked, in seconds of the server, whose time is `now`.
 * @typedef {{ version: number, stage: Stage, sweep: Sweep | null, opened: number, expires: number, now: number, seen: Record<string, number>,
 *   students: Map<number, Student>, progress: Map<string, Done>, results: Map<string, Result>, cells: Map<number, Cell> }} Room
 */

/** The secret of this page's class: behind the "#", from where it goes to what the browser keeps. @param {string} code */
function secretOf(code) {
  const given = location.hash.slice(1);
  if (given) {
    keep(code, { secret: given });
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return keptOf(code).secret ?? "";
}

/**
 * @param {string} code
 * @param {{ onRoom: (room: Room) => void, onProblem: (problem: Refusal | null) => void }} handlers  null: all is well again
 */
export function openRoom(code, { onRoom, onProblem }) {
  const ended = new AbortController();
  const bearer = secretOf(code);
  const api = (/** @type {string} */ path) => new URL(`../api/${code}${path}`, location.href);
  /** @type {Room | null} */
  let room = null;
  /** @type {Map<string, Promise<string>>} */
  const pictures = new Map();

  /** @param {Omit<Room, "students" | "progress" | "results" | "cells"> & { students: Student[], progress: Done[], results: Result[], cells: Cell[] }} news */
  function take(news) {
    const before = room && JSON.stringify(room.sweep) === JSON.stringify(news.sweep) ? room : null;
    const isHere = (/** @type {{ number: number }} */ one) => String(one.number) in news.seen;
    room = {
      ...news,
      students: merged(room?.students, news.students, (one) => one.number, isHere),
      progress: merged(room?.progress, news.progress, (one) => `${one.number} ${one.step}`, isHere),
      results: merged(before?.results ?? only(room?.results, "wall"), news.results, (one) => `${one.number} ${one.task}`, isHere),
      cells: merged(before?.cells, news.cells, (one) => one.number),
    };
    onProblem(null);
    onRoom(room);
  }
  follow((since) => api(`/teacher?since=${since}`), bearer, ended.signal, { onState: take, onProblem });

  /** @param {object} body */
  async function command(body) {
    try {
      await call(api("/command"), { method: "POST", bearer, body });
    } catch (problem) {
      if (problem instanceof Refusal) onProblem(problem);
    }
  }

  return {
    command,
    /** @param {Partial<Stage>} stage */
    set: (stage) => command({ stage }),
    /** The address of a result's picture in this page. @param {Result} result */
    picture({ number, task, changed }) {
      const name = `${number} ${task} ${changed}`;
      const known = pictures.get(name) ?? request(api(`/picture?${new URLSearchParams({ student: String(number), task })}`), { bearer }).then(async (answer) => URL.createObjectURL(await answer.blob()));
      pictures.set(name, known);
      return known;
    },
    /** @param {"csv" | "json"} form */
    async save(form) {
      saveBlob(`class-${code}.${form}`, await (await request(api(`/export.${form}`), { bearer })).blob());
    },
    async remove() {
      await call(api(""), { method: "DELETE", bearer });
      keep(code, { secret: undefined });
    },
    end: () => ended.abort(),
  };
}

/**
 * @template K, V
 * @param {Map<K, V> | undefined} before @param {V[]} news @param {(one: V) => K} key @param {(one: V) => boolean} [isKept]
 */
function merged(before, news, key, isKept = () => true) {
  const all = new Map(before);
  for (const one of news) all.set(key(one), one);
  return new Map([...all].filter(([, one]) => isKept(one)));
}

/** @param {Map<string, Result> | undefined} results @param {string} task */
const only = (results, task) => new Map([...(results ?? [])].filter(([, one]) => one.task === task));
