// The numbers of a step as a sum: coefficients, values and products at one pixel (or one coordinate of a point). Needs no page.
/** @import { Equation, StepView, WeightedPicture } from "../payloads.js" */
/** @import { PicturePool, Pixel } from "./picture_pool.js" */
import { formatFixed } from "./numbers.js";

/** @typedef {Pick<PicturePool, "at">} Values */

/** @param {WeightedPicture} term @param {Values} pool @param {Pixel} pixel */
const coefficientAt = (term, pool, pixel) => (term.coefficient_map === null ? term.coefficient : pool.at(term.coefficient_map, pixel));

/**
 * The value of every term at a pixel, and their sum.
 * @param {Equation} equation @param {Values} pool @param {Pixel} pixel
 */
export function valuesAt(equation, pool, pixel) {
  const terms = equation.terms.map((term) => {
    const coefficient = coefficientAt(term, pool, pixel);
    const value = pool.at(term.index, pixel);
    return { kind: term.kind, coefficient, value, product: coefficient === 0 ? 0 : coefficient * value };
  });
  return { terms, sum: terms.reduce((sum, term) => sum + term.product, 0) };
}

/** The head of the rows of `rowsAt`. */
export const COLUMNS = ["step", "t", "equation", "part", "coefficient", "value", "product", "sum of the products"];

/**
 * The numbers of all steps at one pixel.
 * @param {StepView[]} steps @param {Values} pool @param {Pixel} pixel
 */
export function rowsAt(steps, pool, pixel) {
  return steps.flatMap((step) =>
    step.equations.flatMap((equation) => {
      const { terms, sum } = valuesAt(equation, pool, pixel);
      return terms.map((term) => [step.step, step.t, equation.name, term.kind, term.coefficient, term.value, term.product, sum]);
    }),
  );
}

/**
 * A number, or a vector of several; numbers that are all alike are one where `merge` says so.
 * @param {number[]} values
 */
export function tuple(values, decimals = 3, merge = false) {
  const texts = values.map((value) => formatFixed(value, decimals));
  return texts.length === 1 || (merge && texts.every((text) => text === texts[0])) ? texts[0] : `(${texts.join(", ")})`;
}
