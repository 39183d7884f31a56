// The network of a page in its workers: each is loaded once, and all labs of the page share it.
import { Team, workerCount, workersOf } from "../../browser/src/team.js";
import { spoken, storedHalves, storedJson, storedText } from "./stored.js";

/** @type {Map<string, Promise<Team>>} */
const teams = new Map();

/**
 * The team that has this network: its config is stored as "NAME-config", its weights in half precision as "NAME".
 * @param {string} name @param {"unet" | "points"} [kind] @returns {Promise<Team>}
 */
export function teamOf(name, kind = "unet") {
  const known = teams.get(name) ?? load(name, kind);
  teams.set(name, known);
  known.catch(() => teams.delete(name));
  return known;
}

/** @param {string} name @param {"unet" | "points"} kind */
async function load(name, kind) {
  const [script, config, weights] = await Promise.all([storedText(spoken("worker")), storedJson(`${name}-config`), storedHalves(name)]);
  const team = new Team(workersOf(script), { most: workerCount() });
  await team.load({ [kind]: { config, weights } });
  return team;
}

/** Gives memory back while nobody looks: what is sampled next loads the network again. */
export function restTeams() {
  for (const team of teams.values()) team.then((one) => one.rest(), () => {});
}
