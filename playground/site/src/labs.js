// What draws each lab of the site. A new one is a module with a `mount`, and a line here.
/** @import { MountLab } from "./types.js" */
import { mount as learn } from "./learn.js";
import { mount as sampling } from "./sampling.js";

/** @type {Record<string, MountLab>} */
export const LABS = { learn, sampling };
