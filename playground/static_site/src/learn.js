// The contents of the course as a page of the site.
/** @import { Lab } from "./types.js" */
import { mount as mountContents } from "../../components/src/course_contents.js";

/** @param {HTMLElement} root @param {any} data  `CourseContents` @returns {Lab} */
export function mount(root, data) {
  const contents = mountContents(root, () => {});
  contents.update(data);
  return { destroy: contents.destroy };
}
