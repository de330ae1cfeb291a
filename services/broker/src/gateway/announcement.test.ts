import type { MemberInfo, Registry } from "@dunlin/engines/registry";
import { createLogger } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { Announcement } from "./announcement.js";

test("a load that could not be announced is announced at the next turn, though it has not changed since", async () => {
  const told: MemberInfo[] = [];
  let away = false;
  const update = async (info: MemberInfo): Promise<void> => {
    if (away) throw new Error("away");
    told.push(info);
  };
  const registry = { register: async () => ({ update, close: async () => undefined }) } as unknown as Registry;
  let load = 0;
  const announcement = new Announcement({
    config: { IM_HOST: "127.0.0.1", IM_WS_PUBLIC_URL: undefined },
    registry,
    logger: createLogger({ service: "test", level: "silent" }),
    slot: 3,
    since: 1,
    load: () => load,
  });
  await announcement.start([8081, 8082]);
  load = 5;
  away = true;
  announcement.refresh();
  await new Promise((resolve) => setImmediate(resolve));
  away = false;
  announcement.refresh();
  announcement.refresh();
  expect(told).toEqual([
    {
      addresses: { ws: "ws://127.0.0.1:8081/ws", "ws.1": "ws://127.0.0.1:8082/ws" },
      slot: 3,
      load: 5,
      draining: false,
      since: 1,
    },
  ]);
});
