// The Recorder of the site: the recording that ships.
/** @import { Lane, RecorderPage } from "../../components/payloads.js" */
/** @import { Lab, Settings } from "./types.js" */
import { mount as mountMap } from "../../components/src/recorder.js";
import { sheetOf, storedFrames } from "./frame_sheets.js";

/** @param {HTMLElement} root @param {RecorderPage} data @returns {Lab} */
export function mount(root, data) {
  const map = mountMap(root);
  let latest = 0;

  /** @param {Settings} settings */
  async function change({ show }) {
    const own = ++latest;
    const shown = data.maps[show];
    const pictures = shown.denoised.length * shown.lane.pictures; // of a stage
    const values = await storedFrames(data.stored[show], pictures * data.shape.reduce((product, side) => product * side, 1));
    if (own === latest) map.update({ ...shown, lane: { ...shown.lane, ...sheetOf(values, data.shape, /** @type {Lane} */ (shown.lane)) } });
  }

  function destroy() {
    latest += 1;
    map.destroy();
  }
  return { change, destroy };
}
