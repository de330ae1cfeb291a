import { expect, test } from "vitest";
import { type HandshakeRequest, inspect } from "./handshake.js";

const good: HandshakeRequest = {
  method: "get",
  upgrade: "websocket",
  connection: "Upgrade",
  key: "dGhlIHNhbXBsZSBub25jZQ==",
  version: "13",
  origin: "",
  protocols: "text",
  extensions: "",
  token: "t",
  pts: undefined,
};
const status = (change: Partial<HandshakeRequest>, origins?: ReadonlySet<string>): string => {
  const verdict = inspect({ ...good, ...change }, origins);
  return "status" in verdict ? verdict.status.slice(0, 3) : "101";
};

test.each<[string, Partial<HandshakeRequest>]>([
  ["101", {}],
  ["101", { upgrade: "WebSocket", protocols: "binary, text" }],
  ["101", { pts: "0" }],
  ["405", { method: "post" }],
  ["400", { key: "" }],
  ["400", { key: "short" }],
  ["426", { version: "8" }],
  ["426", { upgrade: "" }],
  ["426", { connection: "" }],
  ["426", { connection: "close" }],
  ["101", { connection: "keep-alive, upgrade" }],
  ["400", { protocols: "" }],
  ["400", { protocols: " " }],
  ["406", { protocols: "mqtt" }],
  ["412", { token: "" }],
  ["400", { pts: "x" }],
  ["400", { pts: "" }],
  ["400", { pts: "-1" }],
  ["400", { pts: "9".repeat(16) }],
])("%s for %j", (wanted, change) => {
  expect(status(change)).toBe(wanted);
});

test("origins: any when none is set; else only those listed, and programs that send none", () => {
  const origins = new Set(["https://chat.example.org"]);
  expect(status({ origin: "https://evil.example" })).toBe("101");
  expect(status({ origin: "https://evil.example" }, origins)).toBe("403");
  expect(status({ origin: "https://chat.example.org" }, origins)).toBe("101");
  expect(status({}, origins)).toBe("101");
});
