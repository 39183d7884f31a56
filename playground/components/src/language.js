// Texts in the language of the reader. English is what the code says; another language's texts are put here when the modules of
// a component are bundled (playground/components/source.py).

/** @type {Record<string, string>} */
const TEXTS = {};

/**
 * A text in the reader's language, with values in place of {name}.
 * @param {string} text  in English, written out: it is the key of its translations
 * @param {Record<string, unknown>} [values]
 */
export function _(text, values = {}) {
  return (TEXTS[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
