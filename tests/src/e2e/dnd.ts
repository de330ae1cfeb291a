import { afterEach, describe, expect, test } from "vitest";
import { People } from "../support/person.js";
import type { System } from "../support/system.js";

/** When somebody is not to be disturbed: one choice for all devices. */
export const dndScenarios = (system: () => System): void => {
  describe("do not disturb", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("one's other device learns of it, online and later; what is not given is off", async () => {
      const ann = await people.online("ann");
      const [phone, late] = [people.add(await ann.device()), people.add(await ann.device())];
      await phone.connect();
      expect(await ann.client.dnd.get()).toEqual({ snooze_until: 0, schedule: null, allow_mentions: false });
      const schedule = { from: "22:00", to: "07:00", timezone: "Asia/Shanghai", days: [1, 2, 3, 4, 5] };
      await ann.client.dnd.set({ schedule, allow_mentions: true });
      const told = await phone.update("DND", (u) => u.type === "DND");
      expect(told).toMatchObject({ snooze_until: 0, schedule, allow_mentions: true });
      expect(await phone.client.dnd.get()).toEqual({ snooze_until: 0, schedule, allow_mentions: true });
      const until = Date.now() + 3_600_000;
      await phone.client.dnd.set({ snooze_until: until });
      await ann.update("the snooze", (u) => u.type === "DND" && u["snooze_until"] === until);
      const { updates } = await late.client.updates.difference(0);
      expect(updates.map((u) => [u.type, u["snooze_until"], u["schedule"]])).toEqual([
        ["DND", 0, schedule],
        ["DND", until, null],
      ]);
    });

    test("refused: times, zones and days that there are not", async () => {
      const ann = await people.registered("ann");
      const good = { from: "22:00", to: "07:00", timezone: "Europe/Berlin", days: [1] };
      for (const body of [
        { schedule: { ...good, from: "25:00" } },
        { schedule: { ...good, timezone: "Europe/Atlantis" } },
        { schedule: { ...good, days: [8] } },
        { schedule: { ...good, days: [] } },
        { snooze_until: -1 },
        { snooze_until: "tomorrow" },
        { quiet: true },
      ]) {
        const answer = await ann.call("PUT", "/v1/dnd", body);
        expect([answer.status, ((await answer.json()) as { code: number }).code], JSON.stringify(body)).toEqual([400, 400]);
      }
      expect(await ann.client.dnd.get()).toEqual({ snooze_until: 0, schedule: null, allow_mentions: false });
    });
  });
};
