import { expect, test } from "vitest";
import { printable, saying } from "./text.js";

test("nothing that a terminal would obey is printed", () => {
  expect(printable("a\u001b[2Jb\u0007c\u009b31md\u202ee")).toBe("a[2Jbc31mde");
  expect(printable("two\r\nlines\tand tab")).toBe("two lines and tab");
  expect(printable("Grüße 你好 👋🏽")).toBe("Grüße 你好 👋🏽");
});

test("text, and what is not text, in a line", () => {
  expect(saying({ payload: { msg_type: "text", text: "hi" } })).toBe("hi");
  expect(saying({ payload: { msg_type: "image", id: "F1" } })).toBe("[image]");
});
