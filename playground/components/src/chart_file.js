// A chart as it is taken away: its title and its legend, which are elements of the page on the screen, above what the canvas shows.
import { FONT_SIZE, mark } from "./draw.js";
import { svgPen } from "./svg_pen.js";

const LEAST_WIDTH = 600; // on a page a chart may stand in a column too narrow for its title
const TITLE_ROW = 30;
const LEGEND_ROW = 24;
const SWATCH = 20;

// Returns an SVG element, at least as wide as the chart is shown.
//   entries: [{ name, color, style, mark }] with colours of the theme
//   plot(pen, width) draws the chart itself, of that width and of the height that is given
export function chartFile(theme, shown, height, { title, entries, plot }) {
  const width = Math.max(LEAST_WIDTH, shown);
  const ruler = svgPen(1, 1);
  ruler.font = `${FONT_SIZE}px ${theme.font}`;
  const rows = [[]];
  let x = 0;
  for (const entry of entries) {
    const wide = SWATCH + 7 + ruler.fillMarkup(entry.name, 0, 0) + 18;
    if (x + wide > width && x) {
      rows.push([]);
      x = 0;
    }
    rows[rows.length - 1].push({ ...entry, x });
    x += wide;
  }
  const top = (title ? TITLE_ROW : 8) + (entries.length ? rows.length * LEGEND_ROW : 0);
  const pen = svgPen(width, top + height);
  pen.fillStyle = theme.bg;
  pen.fillRect(0, 0, width, top + height);
  if (title) {
    pen.font = `600 16px ${theme.font}`;
    pen.fillStyle = theme.text;
    pen.fillMarkup(title, 4, 20);
  }
  rows.forEach((row, k) => row.forEach((entry) => legend(entry, top - (rows.length - k) * LEGEND_ROW + LEGEND_ROW / 2)));
  pen.save();
  pen.translate(0, top);
  plot(pen, width);
  pen.restore();
  return pen.svg;

  function legend(entry, y) {
    const middle = entry.x + 4 + SWATCH / 2;
    pen.fillStyle = pen.strokeStyle = entry.color;
    pen.lineWidth = entry.style === "thin" ? 2 : 3;
    if (entry.mark) mark(pen, theme, entry.mark, middle, y, entry.color);
    else if (entry.style === "dots") {
      pen.beginPath();
      pen.arc(middle, y, 3);
      pen.fill();
    } else {
      pen.setLineDash(entry.style === "dashed" ? [7, 5] : []);
      pen.beginPath();
      pen.moveTo(entry.x + 4, y);
      pen.lineTo(entry.x + 4 + SWATCH, y);
      pen.stroke();
      pen.setLineDash([]);
    }
    pen.font = `${FONT_SIZE}px ${theme.font}`;
    pen.fillStyle = theme.text;
    pen.fillMarkup(entry.name, entry.x + 4 + SWATCH + 7, y + 5);
  }
}
