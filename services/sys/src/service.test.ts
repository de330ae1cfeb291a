import { hostname } from "node:os";
import { expect, test } from "vitest";
import { advertised } from "./service.js";

test("other services are told the address as set, with the port that was bound when it has none", () => {
  expect(advertised("sys.internal:9000", "127.0.0.1", 8082)).toBe("sys.internal:9000");
  expect(advertised("sys.internal", "127.0.0.1", 8082)).toBe("sys.internal:8082");
});

test("unset, it is the address listened on; a wildcard becomes this host's name", () => {
  expect(advertised(undefined, "10.0.0.7", 8082)).toBe("10.0.0.7:8082");
  expect(advertised(undefined, "::1", 8082)).toBe("[::1]:8082");
  for (const any of ["0.0.0.0", "::"]) expect(advertised(undefined, any, 8082)).toBe(`${hostname()}:8082`);
});
