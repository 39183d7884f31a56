// Timeline.to_message() (model.py) back into a payload whose sheets are Blobs. The stamp tells whether it is a new one.

export function messageStamp(bytes) {
  return [...bytes.subarray(0, 16)].join();
}

export function readMessage(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(16, true);
  const payload = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
  for (const lane of payload.lanes) {
    for (const sheet of lane.sheets) {
      const begin = 20 + length + sheet.src[0];
      sheet.src = new Blob([bytes.subarray(begin, begin + sheet.src[1])], { type: "image/png" });
    }
  }
  return payload;
}

// Stage.to_message() (stage.py) back into a payload whose arrays are Float32Arrays with their shape: {shape, values}.
export function readStage(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(16, true);
  const begin = 20 + length;
  return JSON.parse(new TextDecoder().decode(bytes.subarray(20, begin)), (_, value) => {
    if (!Array.isArray(value?.shape) || value.at === undefined) return value;
    const size = 4 * value.shape.reduce((product, n) => product * n, 1);
    return { shape: value.shape, values: new Float32Array(bytes.slice(begin + value.at, begin + value.at + size).buffer) };
  });
}
