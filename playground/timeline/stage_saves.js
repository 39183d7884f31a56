import { SHAPES, colorOf, dataRadius, particleRadius, placesAt, scale } from "./scene.js";

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

// Data and particles of one cloud as SVG; density and arrows are in the PNG.
export function svgOf(stage, theme, position, number, size = 600) {
  const { X, Y } = scale(stage, size);
  const cloud = stage.clouds[number];
  const parts = [`<rect width="${size}" height="${size}" fill="${theme.bg}"/>`];
  const group = (values, labels, r, opacity, color) => {
    parts.push(`<g fill-opacity="${opacity}">`);
    for (let k = 0; k < values.length / 2; k++) {
      const shape = SHAPES[Math.max(0, labels ? labels.values[k] : 0)];
      parts.push(svgShape(shape, X(values[2 * k]), Y(values[2 * k + 1]), r, color(k)));
    }
    parts.push("</g>");
  };
  const ofData = (k) => (stage.data_labels && stage.data_labels.values[k] >= 0 ? theme.series[stage.data_labels.values[k] % 6] : theme.muted);
  group(stage.data.values, stage.data_labels, dataRadius(stage), 0.4, ofData);
  group(placesAt(cloud, position), stage.labels, particleRadius(stage, size), 0.85, (k) => colorOf(theme, stage, k, number));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}">${parts.join("\n")}</svg>\n`;
}

function svgShape(shape, x, y, r, color) {
  const n = (v) => v.toFixed(2);
  const box = (w, h) => `<rect x="${n(x - w / 2)}" y="${n(y - h / 2)}" width="${n(w)}" height="${n(h)}" fill="${color}"/>`;
  const corners = (list) => `<polygon points="${list.map(([a, b]) => `${n(x + a * r)},${n(y + b * r)}`).join(" ")}" fill="${color}"/>`;
  if (shape === "square") return box(1.8 * r, 1.8 * r);
  if (shape === "triangle") return corners([[0, -1.3], [1.2, 0.9], [-1.2, 0.9]]);
  if (shape === "diamond") return corners([[0, -1.4], [1.2, 0], [0, 1.4], [-1.2, 0]]);
  if (shape === "plus") return box(2.8 * r, 0.9 * r) + box(0.9 * r, 2.8 * r);
  if (shape === "bar") return box(3 * r, 1.1 * r);
  return `<circle cx="${n(x)}" cy="${n(y)}" r="${n(r)}" fill="${color}"/>`;
}
