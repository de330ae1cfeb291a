import { createLogger, systemClock } from "@dunlin/runtime";
import { afterAll, beforeAll } from "vitest";
import { registryContract } from "./contract.js";
import { EtcdRegistry } from "./etcd/index.js";
import { Wire } from "./etcd-process.js";

const logger = createLogger({ service: "test", level: "silent" });
const url = process.env["IM_ETCD_URL"] ?? "http://127.0.0.1:2379";
const TTL_MS = 2_000;

const wires: Wire[] = [];
// A new etcd gives no slot and no lock for one TTL.
beforeAll(async () => {
  const registry = new EtcdRegistry({ url, ttlMs: TTL_MS, logger, namespace: "dunlin", clock: systemClock });
  await registry.leaseSlot("test");
  await registry.close();
});
afterAll(async () => {
  await Promise.all(wires.map((wire) => wire.close()));
});

registryContract("etcd", {
  ttlMs: TTL_MS,
  open: async () => {
    const wire = await Wire.to(url);
    wires.push(wire);
    const registry = new EtcdRegistry({ url: wire.url, ttlMs: TTL_MS, logger, namespace: "dunlin", clock: systemClock });
    return { registry, cut: () => wire.cut(), heal: () => wire.heal() };
  },
});
