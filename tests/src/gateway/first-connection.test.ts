import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("the first connections of a process leave no word of uWebSockets.js on stderr", async () => {
  const program = fileURLToPath(new URL("first-connection-child.js", import.meta.url));
  // The library writes to the descriptor itself, so only another process can see it.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
  expect(stdout).toBe("HELLO HELLO\n");
  expect(stderr).not.toContain("uWS");
});
