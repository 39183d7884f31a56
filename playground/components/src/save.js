// What a figure is taken away as: a file that the browser makes by itself.

export function saveBlob(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function saveText(name, type, text) {
  saveBlob(name, new Blob([text], { type }));
}

export function saveCanvas(name, canvas) {
  canvas.toBlob((blob) => blob && saveBlob(name, blob), "image/png");
}

// Rows of cells as CSV (RFC 4180).
export function csvOf(rows) {
  const cell = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
