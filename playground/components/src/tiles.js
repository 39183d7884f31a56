// The tiles of a lane as decoded sheets, filled piece by piece while frames still arrive.

// A bitmap stays decoded; an <img> may be thrown away and decoded again in the middle of a scrub.
async function decode(src) {
  if (src instanceof Blob) return createImageBitmap(src);
  const image = new Image();
  image.src = src;
  await image.decode();
  return createImageBitmap(image);
}

export async function decodeLanes(lanes) {
  return Promise.all(
    lanes.map((lane) =>
      Promise.all(lane.sheets.map(async (s) => ({ first: s.first, count: s.count, columns: lane.columns, bitmap: await decode(s.src) }))),
    ),
  );
}

export function tileLane(meta) {
  let sheets = [];
  const index = [];
  const [rows, columns] = meta.grid;
  const size = { w: meta.tile[0] / columns, h: meta.tile[1] / rows };

  function find(number) {
    const sheet = sheets.find((s) => number >= s.first && number < s.first + s.count);
    if (!sheet) return null;
    const k = number - sheet.first;
    return {
      number,
      bitmap: sheet.bitmap,
      x: (k % sheet.columns) * meta.tile[0],
      y: Math.floor(k / sheet.columns) * meta.tile[1],
    };
  }

  return {
    meta,
    picture: size,
    add(lane, decoded, first) {
      const fresh = new Set(decoded.map((s) => s.first));
      sheets = sheets.filter((s) => !fresh.has(s.first)).concat(decoded);
      lane.index.forEach((number, i) => (index[first + i] = number));
    },
    // The tile of position i, or of the nearest position that has one: frames may be missing, the reader goes on.
    tile(i) {
      for (let d = 0; d <= index.length; d++) {
        for (const j of d ? [i - d, i + d] : [i]) {
          const found = index[j] === undefined ? null : find(index[j]);
          if (found) return found;
        }
      }
      return null;
    },
    // Copies picture k of a tile to (x, y) with w × h, in the context's pixels.
    copy(g, tile, k, x, y, w = size.w, h = size.h) {
      const sx = tile.x + (k % columns) * size.w;
      const sy = tile.y + Math.floor(k / columns) * size.h;
      g.drawImage(tile.bitmap, sx, sy, size.w, size.h, x, y, w, h);
    },
    close() {
      for (const s of sheets) s.bitmap.close?.();
      sheets = [];
    },
  };
}
