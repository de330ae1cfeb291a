import { createLogger, systemClock } from "@dunlin/runtime";
import { EtcdRegistry } from "./etcd/index.js";

/** A process for tests to stop: it holds a slot and a lock, and writes a line each 20 ms about what it believes. */
const [url = "", ttlMs = "", lockName = ""] = process.argv.slice(2);

const registry = new EtcdRegistry({
  url,
  ttlMs: Number(ttlMs),
  logger: createLogger({ service: "test", level: "silent" }),
  namespace: "dunlin",
  clock: systemClock,
});
const slot = await registry.leaseSlot("child");
const lock = await registry.lock(lockName, "child");
let lost = false;
slot.onLost(() => {
  lost = true;
});
// Looked at in the first turn after the process goes on, before any timer of the registry can have run.
const line = (): void => {
  process.stdout.write(
    `${JSON.stringify({ at: Date.now(), slot: slot.slot, slotValid: slot.valid, lockValid: lock?.valid, token: lock?.token, lost })}\n`,
  );
};
line();
setInterval(line, 20);
