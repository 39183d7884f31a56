// Reads safetensors files: https://huggingface.co/docs/safetensors#format.
import { _ } from "../../components/src/language.js";
import { Problem } from "./problem.js";

/** @typedef {{ shape: number[], dtype: string, bytes: Uint8Array<ArrayBuffer> }} Tensor */

/**
 * The tensors of a file, by name; their bytes are views of the buffer.
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, Tensor>}
 */
export function readSafetensors(buffer) {
  const size = buffer.byteLength < 8 ? Infinity : Number(new DataView(buffer).getBigUint64(0, true));
  if (8 + size > buffer.byteLength) throw cutShort(buffer);
  /** @type {Record<string, { shape: number[], dtype: string, data_offsets: [number, number] }>} */
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, size)));
  } catch {
    throw new Problem("weights", _("These weights are no safetensors file."));
  }
  delete header.__metadata__;
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, { shape, dtype, data_offsets: [from, to] }] of Object.entries(header)) {
    const width = dtype === "F32" ? 4 : dtype === "F16" ? 2 : 0;
    if (!width) throw new Problem("weights", _("These weights are neither in single nor in half precision, but {dtype}.", { dtype }));
    if (8 + size + to > buffer.byteLength) throw cutShort(buffer);
    if (to - from !== width * shape.reduce((n, side) => n * side, 1)) throw new Problem("weights", _("The weights “{name}” have another size than their shape says.", { name }));
    const bytes = new Uint8Array(buffer, 8 + size + from, to - from);
    if (!areNumbers(bytes, width)) throw new Problem("weights", _("The weights “{name}” hold NaN or infinite numbers.", { name }));
    tensors[name] = { shape, dtype, bytes };
  }
  return tensors;
}

/** Whether none is NaN or infinite: those have all bits of the exponent. @param {Uint8Array<ArrayBuffer>} bytes @param {number} width */
function areNumbers(bytes, width) {
  const { buffer, byteOffset } = bytes.byteOffset % width ? bytes.slice() : bytes;
  const [numbers, exponent] = width === 4 ? [new Uint32Array(buffer, byteOffset, bytes.length / 4), 0x7f800000] : [new Uint16Array(buffer, byteOffset, bytes.length / 2), 0x7c00];
  for (let i = 0; i < numbers.length; i++) if ((numbers[i] & exponent) === exponent) return false;
  return true;
}

/** @param {ArrayBuffer} buffer */
function cutShort(buffer) {
  return new Problem("weights", _("The weights are cut short: only {bytes} bytes of them arrived.", { bytes: buffer.byteLength }));
}
