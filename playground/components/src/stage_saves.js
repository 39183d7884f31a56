import { paintScene, placesAt } from "./scene.js";
import { svgPen } from "./svg_pen.js";

// The moment that is shown, to be taken away: as a picture, as a drawing, as numbers.

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function csvOf(stage, position) {
  const t = stage.positions[Math.round(position)].t;
  const rows = ["cloud,particle,class,t,x,y,x0_hat_x,x0_hat_y"];
  for (const cloud of stage.clouds) {
    const places = placesAt(cloud, position);
    const guess = cloud.x0 && placesAt(cloud, position, cloud.x0.values);
    for (let k = 0; k < places.length / 2; k++) {
      const label = stage.labels && stage.labels.values[k] >= 0 ? stage.class_names[stage.labels.values[k]] : "";
      const numbers = [places[2 * k], places[2 * k + 1], ...(guess ? [guess[2 * k], guess[2 * k + 1]] : [])];
      rows.push([cloud.key, k, quoted(label), t, ...numbers.map((v) => v.toPrecision(6))].join(","));
    }
  }
  return rows.join("\n") + "\n";
}

const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// What one view shows, layers and all, as SVG; arguments as for `paintScene`.
export function svgOf(theme, stage, size, position, clouds, shown, picked) {
  const pen = svgPen(size, size);
  paintScene(pen, theme, stage, size, position, clouds, shown, picked);
  return new XMLSerializer().serializeToString(pen.svg);
}
