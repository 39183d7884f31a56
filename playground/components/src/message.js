// The messages of payloads/message.py: 16 bytes that differ when the content does, the length of a JSON text (uint32,
// little-endian), the text, and what it names by where it begins: files as {file: [begin, length]}, arrays as {shape, at}.

/** @param {Uint8Array} bytes */
export function messageStamp(bytes) {
  return bytes.subarray(0, 16).join();
}

/**
 * The payload; its files are Blobs, its arrays {shape, values}.
 * @template Payload
 * @param {Uint8Array} bytes @returns {Payload}
 */
export function readMessage(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(16, true);
  const content = bytes.subarray(20 + length);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)), (_item, value) => {
    if (Array.isArray(value?.file)) return new Blob([content.slice(value.file[0], value.file[0] + value.file[1])], { type: "image/png" });
    if (!Array.isArray(value?.shape) || value.at === undefined) return value;
    const size = 4 * value.shape.reduce((/** @type {number} */ product, /** @type {number} */ n) => product * n, 1);
    return { shape: value.shape, values: new Float32Array(content.slice(value.at, value.at + size).buffer) };
  });
}
