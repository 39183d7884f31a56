import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBytes, decodeFloats, decodeSignedBytes } from "../../../playground/components/src/base64.js";
import { csvOf } from "../../../playground/components/src/download.js";
import { messageStamp, readMessage } from "../../../playground/components/src/message.js";
import { tileLane } from "../../../playground/components/src/tiles.js";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");

test("base64 becomes bytes, signed bytes and floats again", () => {
  assert.deepEqual([...decodeBytes(base64([0, 127, 255]))], [0, 127, 255]);
  assert.deepEqual([...decodeSignedBytes(base64([0, 127, 255]))], [0, 127, -1]);
  const values = new Float32Array([1.5, -2.25, 1e-20]);
  assert.deepEqual(decodeFloats({ shape: [3], f32: base64(values.buffer) }), values);
});

/** A message as payloads/encoding.py writes it. */
function message(payload, ...blobs) {
  const header = new TextEncoder().encode(JSON.stringify(payload));
  const length = new Uint8Array(new Uint32Array([header.length]).buffer);
  return new Uint8Array(Buffer.concat([Buffer.alloc(16, 7), length, header, ...blobs]));
}

test("a message gives back its files and arrays", async () => {
  const floats = new Float32Array([1, 2, 3, 4, 5, 6]);
  const bytes = message({ t: 3, lanes: [{ png: { file: [0, 3] } }], x: { shape: [3, 2], at: 3 }, none: null }, new Uint8Array([9, 8, 7]), new Uint8Array(floats.buffer));
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  for (const given of [bytes, shifted.subarray(1)]) {
    const payload = readMessage(given);
    assert.equal(payload.t, 3);
    assert.deepEqual([...new Uint8Array(await payload.lanes[0].png.arrayBuffer())], [9, 8, 7]);
    assert.deepEqual(payload.x, { shape: [3, 2], values: floats });
    assert.equal(messageStamp(given), messageStamp(bytes));
  }
  const other = bytes.slice();
  other[0] = 1;
  assert.notEqual(messageStamp(other), messageStamp(bytes));
});

test("a position shows its own tile, or that of the nearest one that has come", () => {
  const meta = { grid: [2, 3], tile: [30, 20], pictures: 5, columns: 2, index: [] };
  const lane = tileLane(meta);
  assert.deepEqual(lane.picture, { w: 10, h: 10 });
  assert.equal(lane.tile(0), null);
  const sheet = (first, count) => ({ first, count, columns: 2, bitmap: { close() {} } });
  lane.add({ ...meta, index: [0, 1, 2] }, [sheet(0, 3)], 0);
  lane.add({ ...meta, index: [8, 9] }, [sheet(8, 2)], 8);
  assert.deepEqual([0, 2, 4, 7, 8, 9].map((i) => lane.tile(i)?.number), [0, 2, 2, 8, 8, 9]);
  const { x, y } = lane.tile(2);
  assert.deepEqual([x, y], [0, 20], "the third tile begins the second row");
  const drawn = [];
  lane.copy({ drawImage: (...given) => drawn.push(given.slice(1)) }, lane.tile(1), 4, 5, 6);
  assert.deepEqual(drawn, [[30 + 10, 10, 10, 10, 5, 6, 10, 10]]);
});

test("a cell of CSV is quoted where it must be", () => {
  assert.equal(csvOf([["a", 1], ['say "x"', "b,c"]]), 'a,1\r\n"say ""x""","b,c"\r\n');
});
