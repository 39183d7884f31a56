// Texts of the components: English where there is no translation, and values in place of their names.
import assert from "node:assert/strict";
import test from "node:test";

import { _ } from "../../../playground/components/src/language.js";

test("a text without a translation stays as it is, with its values", () => {
  assert.equal(_("Play"), "Play");
  assert.equal(_("{shown} of {all} frames", { shown: 3, all: 50 }), "3 of 50 frames");
  assert.equal(_("row {row}, column {column}", { row: 0, column: undefined }), "row 0, column undefined");
});

test("a name without a value stays, and so does what looks like one in a value", () => {
  assert.equal(_("{a} and {b}", { a: "{b}" }), "{b} and {b}");
});
