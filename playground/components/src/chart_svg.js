// A chart as SVG: its title and its legend, which are elements of the page on the screen, above what the canvas shows.
/** @import { LineStyle, Mark, SvgPen, Theme } from "./types.js" */
import { FONT_SIZE, line, mark } from "./chart_drawing.js";
import { svgContext } from "./svg_context.js";

const LEAST_WIDTH = 600; // on a page a chart may stand in a column too narrow for its title
const TITLE_ROW = 30;
const LEGEND_ROW = 24;
const SWATCH = 20;

/** @typedef {{ name: string, color: string, style: LineStyle, mark?: Mark }} LegendEntry */

/**
 * At least as wide as the chart is shown.
 * @param {Theme} theme
 * @param {number} shown  the width on the screen
 * @param {number} height  of the chart without title and legend
 * @param {{ title: string, entries: LegendEntry[], plot: (pen: SvgPen, width: number) => void }} chart  plot draws the chart itself
 */
export function chartSvg(theme, shown, height, { title, entries, plot }) {
  const width = Math.max(LEAST_WIDTH, shown);
  const rows = legendRows(theme, width, entries);
  const top = (title ? TITLE_ROW : 8) + rows.length * LEGEND_ROW;
  const pen = svgContext(width, top + height);
  pen.fillStyle = theme.bg;
  pen.fillRect(0, 0, width, top + height);
  if (title) {
    pen.font = `600 16px ${theme.font}`;
    pen.fillStyle = theme.text;
    pen.fillMarkup(title, 4, 20);
  }
  rows.forEach((row, k) => row.forEach(({ entry, x }) => drawEntry(pen, theme, entry, x, top - (rows.length - k) * LEGEND_ROW + LEGEND_ROW / 2)));
  pen.save();
  pen.translate(0, top);
  plot(pen, width);
  pen.restore();
  return pen.svg;
}

/** @param {Theme} theme @param {number} width @param {LegendEntry[]} entries */
function legendRows(theme, width, entries) {
  const ruler = svgContext(1, 1);
  ruler.font = `${FONT_SIZE}px ${theme.font}`;
  /** @type {{ entry: LegendEntry, x: number }[][]} */
  const rows = [];
  let x = Infinity;
  for (const entry of entries) {
    const wide = SWATCH + 7 + ruler.fillMarkup(entry.name, 0, 0) + 18;
    if (x + wide > width && x) {
      rows.push([]);
      x = 0;
    }
    rows[rows.length - 1].push({ entry, x });
    x += wide;
  }
  return rows;
}

/** @param {SvgPen} pen @param {Theme} theme @param {LegendEntry} entry @param {number} x @param {number} y */
function drawEntry(pen, theme, entry, x, y) {
  pen.fillStyle = pen.strokeStyle = entry.color;
  pen.lineWidth = entry.style === "thin" ? 2 : 3;
  const middle = x + 4 + SWATCH / 2;
  if (entry.mark) mark(pen, theme, entry.mark, middle, y, entry.color);
  else if (entry.style === "dots") {
    pen.beginPath();
    pen.arc(middle, y, 3, 0, 2 * Math.PI);
    pen.fill();
  } else {
    pen.setLineDash(entry.style === "dashed" ? [7, 5] : []);
    line(pen, x + 4, y, x + 4 + SWATCH, y);
    pen.setLineDash([]);
  }
  pen.font = `${FONT_SIZE}px ${theme.font}`;
  pen.fillStyle = theme.text;
  pen.fillMarkup(entry.name, x + 4 + SWATCH + 7, y + 5);
}
