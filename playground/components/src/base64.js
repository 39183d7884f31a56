// base64 back into numbers.
/** @import { PackedFloats } from "../payloads.js" */

/** @param {string} text */
export function decodeBytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** @param {string} text */
export function decodeSignedBytes(text) {
  return new Int8Array(decodeBytes(text).buffer);
}

/** @param {PackedFloats} packed  little-endian float32 */
export function decodeFloats(packed) {
  return typeof packed.f32 === "string" ? new Float32Array(decodeBytes(packed.f32).buffer) : packed.f32;
}
