// Pictures of a batch, numbers from −1 to 1, as one tile of the timeline: as payloads/packing.py makes them of the server's.

/**
 * Rows and columns of a block about as wide as high.
 * @param {number} count @returns {[rows: number, columns: number]}
 */
export function gridShape(count) {
  const columns = Math.ceil(Math.sqrt(count));
  return [Math.ceil(count / columns), columns];
}

/**
 * @param {Float32Array} values  count x channels x height x width
 * @param {number} count @param {readonly number[]} shape  of one picture
 * @param {[rows: number, columns: number]} grid
 */
export function tileOf(values, count, [channels, height, width], [rows, columns]) {
  const tile = new ImageData(columns * width, rows * height);
  const area = height * width;
  for (let k = 0; k < count; k++)
    for (let i = 0; i < area; i++) {
      const row = Math.floor(k / columns) * height + Math.floor(i / width);
      const at = 4 * (row * tile.width + (k % columns) * width + (i % width));
      for (let c = 0; c < 3; c++) tile.data[at + c] = Math.round((values[(k * channels + (channels === 3 ? c : 0)) * area + i] + 1) * 127.5); // clamped
      tile.data[at + 3] = 255;
    }
  return tile;
}
