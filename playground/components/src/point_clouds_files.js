// The moment of the point clouds that is shown, as a file: a drawing, numbers.
/** @import { PointClouds } from "../payloads.js" */
/** @import { Entry, Layers } from "./point_clouds_drawing.js" */
/** @import { Theme } from "./types.js" */
import { csvOf } from "./download.js";
import { paintClouds, positionsAt } from "./point_clouds_drawing.js";
import { svgContext } from "./svg_context.js";

/**
 * The positions of all particles and their x̂0.
 * @param {PointClouds} data @param {number} position
 */
export function cloudsCsv(data, position) {
  const { t } = data.positions[Math.round(position)];
  const rows = data.clouds.flatMap((cloud) => {
    const places = positionsAt(cloud, position);
    const x0 = cloud.x0 && positionsAt(cloud, position, cloud.x0.values);
    return Array.from({ length: places.length / 2 }, (_item, k) => {
      const numbers = [places[2 * k], places[2 * k + 1], ...(x0 ? [x0[2 * k], x0[2 * k + 1]] : [])];
      return [cloud.key, k, labelOf(data, k), t, ...numbers.map((v) => v.toPrecision(6))];
    });
  });
  return csvOf([["cloud", "particle", "class", "t", "x", "y", "x0_hat_x", "x0_hat_y"], ...rows]);
}

/**
 * The name of a particle's class, "" for none.
 * @param {PointClouds} data @param {number} k
 */
export const labelOf = ({ labels, class_names: names }, k) => (labels && labels.values[k] >= 0 ? names[labels.values[k]] : "");

/**
 * What one view shows, with its layers; arguments as for `paintClouds`.
 * @param {Theme} theme @param {PointClouds} data @param {number} size @param {number} position @param {Entry[]} clouds
 * @param {Layers} shown @param {number | null} picked
 */
export function cloudsSvg(theme, data, size, position, clouds, shown, picked) {
  const pen = svgContext(size, size);
  paintClouds(pen, theme, data, size, position, clouds, shown, picked);
  return pen.svg;
}
