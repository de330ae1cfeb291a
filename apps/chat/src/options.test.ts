import { expect, test } from "vitest";
import { parseOptions } from "./options.js";

test("an account is all that is needed on one's own machine", () => {
  expect(parseOptions(["ann"])).toEqual({
    account: "ann",
    server: "http://127.0.0.1:8080",
    password: "chat-ann-dev",
    device: "terminal",
    stateDir: ".dunlin-chat",
  });
});

test("elsewhere the well-known password is refused", () => {
  expect(() => parseOptions(["ann", "--server", "https://chat.example.org"])).toThrow("--password");
  expect(parseOptions(["ann", "--server", "https://chat.example.org/", "--password", "p"])).toMatchObject({
    server: "https://chat.example.org",
    password: "p",
  });
});

test.each([
  [[], "exactly one account"],
  [["ann", "bob"], "exactly one account"],
  [["../ann"], "no account name"],
  [["ann", "--device", "a/b"], "no device name"],
  [["ann", "--server", "ftp://x"], "--server takes"],
  [["ann", "--nonsense"], "nonsense"],
])("%j is refused: %s", (args, message) => {
  expect(() => parseOptions(args)).toThrow(message);
});

test("help", () => {
  expect(parseOptions(["--help"])).toBeUndefined();
});
