// Under which keys a symbol of a text with markup is looked up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keysOf } from "../../../playground/components/src/symbols.js";

test("a letter with a subscript is looked up with it first, then alone", () => {
  assert.deepEqual(keysOf("x", "0"), ["x_0", "x"]);
  assert.deepEqual(keysOf("ε", ""), ["ε"]);
});

test("an accent may be written apart from its letter", () => {
  assert.deepEqual(keysOf("α\u0304", "t"), keysOf("\u1fb1", "t"));
});
