// A network as a page gets it (offered.py): its weights are fetched once, checked, and shared by all components of a page.
import { decodeBytes } from "../../components/src/base64.js";
import { _ } from "../../components/src/language.js";
import { Problem } from "./problem.js";
/** @import { SentFile, SentNetwork } from "../../components/payloads.js" */
/** @import { NetworkFiles } from "./types.js" */

const MOST = 4; // files that a page keeps: a script and three networks; the browser itself keeps what was fetched

// Components are bundled one by one: the page is what they share.
/** @type {{ dpWeights?: Map<string, Promise<ArrayBuffer>> }} */
const shared = /** @type {any} */ (globalThis);
/** Hashes of weights that arrived damaged: they are fetched past what the browser keeps. @type {Set<string>} */
const damaged = new Set();

/**
 * What Team.load takes. Rejects with a Problem of kind "weights" where they do not arrive whole; it may be called again then.
 * @template Config
 * @param {SentNetwork} sent
 * @returns {Promise<NetworkFiles<Config>>}
 */
export async function networkOf(sent) {
  return { config: JSON.parse(sent.config), weights: await fileOf(sent) };
}

/** As `networkOf`, of any file. @param {SentFile} sent @returns {Promise<ArrayBuffer>} */
export function fileOf(sent) {
  const kept = (shared.dpWeights ??= new Map());
  const there = kept.get(sent.hash);
  if (there) return there;
  const coming = arrived(sent);
  kept.set(sent.hash, coming);
  coming.catch(() => kept.get(sent.hash) === coming && kept.delete(sent.hash));
  for (const hash of [...kept.keys()].slice(0, -MOST)) kept.delete(hash);
  return coming;
}

/** @param {SentFile} sent */
async function arrived(sent) {
  const weights = sent.url ? await fetched(sent) : decodeBytes(sent.base64).buffer;
  if (weights.byteLength !== sent.bytes) {
    throw refused(sent, _("Of the network's weights {some} of {all} bytes arrived: try again.", { some: weights.byteLength, all: sent.bytes }));
  }
  if (!(await isOf(weights, sent.hash))) throw refused(sent, _("The weights that arrived are not those of this network: try again."));
  return weights;
}

/** @param {SentFile} sent @param {string} message */
function refused({ hash }, message) {
  damaged.add(hash);
  return new Problem("weights", message);
}

/** @param {SentFile} sent */
async function fetched({ url, hash }) {
  let answer;
  try {
    answer = await fetch(url, { cache: damaged.has(hash) ? "reload" : "default" });
    if (answer.ok) return await answer.arrayBuffer();
  } catch {
    throw new Problem("weights", _("The network's weights did not arrive: check the connection, and try again."));
  }
  throw new Problem("weights", _("The server has no weights of this network any more (status {status}): load this page again.", { status: answer.status }));
}

/** Whether that is their hash; a page without https has no means to tell. @param {ArrayBuffer} weights @param {string} hash */
async function isOf(weights, hash) {
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", weights));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") === hash;
}
