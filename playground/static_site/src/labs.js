// What draws each lab of the site. A new one is a module with a `mount`, and a line here.
/** @import { MountLab } from "./types.js" */
import { mount as forward } from "./forward.js";
import { mount as learn } from "./learn.js";
import { mount as microscope } from "./microscope_page.js";
import { mount as points } from "./points_page.js";
import { mount as run } from "./run.js";
import { mount as sampling } from "./sampling.js";
import { mount as schedules } from "./schedules.js";
import { mount as start } from "./start.js";
import { mount as recorder } from "./training_map.js";

/** @type {Record<string, MountLab>} */
export const LABS = { forward, learn, microscope, points, recorder, run, sampling, schedules, start };
