// A team of workers with the network that a page was sent: both are there once something is to be sampled.
/** @import { SentFile, SentNetwork } from "../payloads.js" */
/** @import { NoisyClassifierConfig, UNetConfig } from "../../browser/src/types.js" */
import { fileOf, networkOf } from "../../browser/src/sent_network.js";
import { Team, workerCount, workersOf } from "../../browser/src/team.js";

/** @typedef {{ network: SentNetwork, classifier: SentNetwork | null, script: SentFile }} Sent */

export class LiveTeam {
  /** @type {Team | null} */
  team = null;
  loaded = ""; // hashes of the networks that it has

  /** Rejects with a Problem where that is not possible; what was there already takes no time. @param {Sent} sent @param {() => void} onStart */
  async load({ network, classifier, script }, onStart) {
    const hashes = network.hash + classifier?.hash;
    if (hashes === this.loaded) return;
    onStart();
    const unet = /** @type {typeof networkOf<UNetConfig>} */ (networkOf)(network);
    const guide = classifier ? /** @type {typeof networkOf<NoisyClassifierConfig>} */ (networkOf)(classifier) : undefined;
    const files = { unet: await unet, classifier: await guide };
    this.team ??= new Team(workersOf(new TextDecoder().decode(await fileOf(script))), { most: workerCount() });
    this.loaded = "";
    await this.team.load(files);
    this.loaded = hashes;
  }
}
