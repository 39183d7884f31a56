// Files that the browser makes and saves by itself.

/** @param {string} name @param {Blob} blob */
export function saveBlob(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * @param {string} name
 * @param {string} type  such as text/csv
 * @param {string} text
 */
export function saveText(name, type, text) {
  saveBlob(name, new Blob([text], { type }));
}

/**
 * As PNG.
 * @param {string} name @param {HTMLCanvasElement} canvas
 */
export function saveCanvas(name, canvas) {
  canvas.toBlob((blob) => blob && saveBlob(name, blob), "image/png");
}

/**
 * Rows of cells as CSV (RFC 4180).
 * @param {(string | number | null)[][]} rows
 */
export function csvOf(rows) {
  const cell = (/** @type {unknown} */ value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
