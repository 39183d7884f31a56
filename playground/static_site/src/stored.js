// What a page reads: bytes under a name, as playground/static_site/stored.py packs them. They came with scripts, or stand in the page
// itself: a page that is opened from a folder may fetch nothing.

/** @type {{ dpStored?: Record<string, string> }} */
const shared = /** @type {any} */ (globalThis);

/** What is stored in the language of the page. @param {string} name */
export const spoken = (name) => `${document.documentElement.lang}/${name}`;

/** @type {Map<string, Promise<string>>} */
const coming = new Map();

/** The text of this name, once its script has come. @param {string} name @returns {Promise<string>} */
function textOf(name) {
  const here = () => shared.dpStored?.[name] ?? document.querySelector(`[data-stored="${name}"]`)?.textContent;
  const known = here();
  if (typeof known === "string") return Promise.resolve(known);
  const asked = coming.get(name) ?? new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const refuse = () => (coming.delete(name), reject(new Error(`${script.src} is missing`)));
    script.src = `${document.documentElement.dataset.base ?? ""}data/${name}.js`;
    script.addEventListener("load", () => (here() === undefined ? refuse() : resolve(/** @type {string} */ (here()))));
    script.addEventListener("error", refuse);
    document.head.append(script);
  });
  coming.set(name, asked);
  return asked;
}

/**
 * The bytes of this name.
 * @param {string} name @returns {Promise<ArrayBuffer>}
 */
export async function stored(name) {
  const bytes = bytesOf(await textOf(name));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;.=>?@^_,{|}~";

/** Five letters are a number in base 85, four bytes of it; the last group may be shorter. @param {string} text */
function bytesOf(text) {
  const values = new Uint8Array(128);
  for (let k = 0; k < LETTERS.length; k++) values[LETTERS.charCodeAt(k)] = k;
  const groups = Math.ceil(text.length / 5);
  const bytes = new DataView(new ArrayBuffer(4 * groups));
  for (let group = 0; group < groups; group++) {
    let number = 0;
    for (let at = 5 * group; at < 5 * group + 5; at++) number = 85 * number + (at < text.length ? values[text.charCodeAt(at)] : 84);
    bytes.setUint32(4 * group, number);
  }
  return new Uint8Array(bytes.buffer, 0, Math.floor((text.length * 4) / 5));
}

/** @param {string} name */
export const storedText = async (name) => new TextDecoder().decode(await stored(name));

/**
 * A value that was stored as JSON.
 * @param {string} name @returns {Promise<any>}
 */
export const storedJson = async (name) => JSON.parse(await storedText(name));

/**
 * Numbers in half precision, of which the low bytes were stored first.
 * @param {string} name @returns {Promise<ArrayBuffer>}
 */
export async function storedHalves(name) {
  const planes = new Uint8Array(await stored(name));
  const bytes = new Uint8Array(planes.length);
  const low = Math.ceil(planes.length / 2);
  for (let i = 0; i < low; i++) bytes[2 * i] = planes[i];
  for (let i = low; i < planes.length; i++) bytes[2 * (i - low) + 1] = planes[i];
  return bytes.buffer;
}
