// What of a step can be saved: its pictures, with and without the sum above them.
/** @import { Equation, PoolPicture, StepView } from "../payloads.js" */
/** @import { PicturePool, Pixel } from "./picture_pool.js" */
/** @import { Pen } from "./types.js" */
import { el, plainText } from "./dom.js";
import { saveCanvas } from "./download.js";
import { saveSvg } from "./exports.js";
import { _ } from "./language.js";
import { formatFixed } from "./numbers.js";
import { valuesAt } from "./step_sums.js";
import { svgContext } from "./svg_context.js";
import { context2d } from "./theme.js";

const SUM_ROW = 30;

/** @typedef {{ name: string, step: StepView, pictures: PoolPicture[], pool: PicturePool, pixel: Pixel }} Shown */

/** @param {Shown} shown */
export function savePictures(shown) {
  const { width, height, draw } = sheetOf(shown);
  const canvas = el("canvas", { width, height });
  const g = context2d(canvas);
  draw(g, (picture, x, y) => g.fillText(plainText(picture.symbol), x, y));
  saveCanvas(`${shown.name}.png`, canvas);
}

/**
 * With the sum above the pictures: as large as the page has them, it would not stay sharp in a PNG.
 * @param {Shown} shown
 */
export function saveDrawing(shown) {
  const sheet = sheetOf(shown);
  const { equations } = shown.step;
  const top = SUM_ROW * equations.length;
  const pen = svgContext(sheet.width, top + sheet.height);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, sheet.width, top);
  pen.fillStyle = "#111";
  pen.font = "16px sans-serif";
  equations.forEach((equation, k) => pen.fillMarkup(sumMarkup(equation, shown), 2, SUM_ROW * (k + 1) - 10));
  pen.save();
  pen.translate(0, top);
  sheet.draw(pen, (picture, x, y) => pen.fillMarkup(picture.symbol, x, y));
  pen.restore();
  saveSvg(shown.name, pen.svg);
}

/**
 * An equation with its coefficients; where these differ from pixel to pixel, those of the pixel that is shown.
 * @param {Equation} equation @param {Shown} shown
 */
function sumMarkup(equation, { pool, pixel }) {
  const { terms } = valuesAt(equation, pool, pixel);
  const parts = terms.map(({ coefficient }, i) => {
    const sign = coefficient < 0 ? " − " : i ? " + " : " ";
    return `${sign}${formatFixed(Math.abs(coefficient), 4)} × ${equation.terms[i].symbol}`;
  });
  const place = equation.terms.some((term) => term.coefficient_map !== null) ? _(" (row {row}, column {column})", { row: pixel[0], column: pixel[1] }) : "";
  return _("{name}: {value}", { name: equation.name, value: `${equation.result.symbol} =${parts.join("")}${place}` });
}

/**
 * The pictures of the step side by side; symbol(picture, x, y) writes what stands below one.
 * @param {Shown} shown
 */
function sheetOf({ pictures, pool }) {
  const scale = Math.max(1, Math.round(168 / pool.width));
  const [w, h] = [pool.width * scale, pool.height * scale];
  const [width, height] = [pictures.length * (w + 8) - 8, h + 26];
  /** @param {Pen} g @param {(picture: PoolPicture, x: number, y: number) => void} symbol */
  function draw(g, symbol) {
    g.fillStyle = "#fff";
    g.fillRect(0, 0, width, height);
    g.imageSmoothingEnabled = false;
    g.fillStyle = "#111";
    g.font = "16px sans-serif";
    pictures.forEach((picture, k) => {
      pool.draw(g, picture.index, picture.vmax, k * (w + 8), 0, w, h);
      symbol(picture, k * (w + 8), h + 19);
    });
  }
  return { width, height, draw };
}
