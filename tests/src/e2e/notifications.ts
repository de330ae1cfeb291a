import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { People } from "../support/person.js";
import { SysClient } from "../support/sys-client.js";
import type { System } from "../support/system.js";

/** System notifications (S2C) by way of gRPC. */
export const notificationScenarios = (system: () => System): void => {
  describe("notifications", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("reach users online and later, once, and make no dialog", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      await bob.disconnect();
      const nobody = `U${"1".repeat(14)}`;
      const request = {
        userIds: [ann.id, bob.id, nobody],
        clientMsgId: randomUUID(),
        payload: JSON.stringify({ msg_type: "text", text: "maintenance at nine" }),
      };
      for (const address of system().grpcAddresses) {
        const sys = new SysClient(system(), address);
        try {
          const { results } = await sys.notify(request);
          expect(results.map((r) => [r.userId, r.code])).toEqual([
            [ann.id, 0],
            [bob.id, 0],
            [nobody, 803],
          ]);
        } finally {
          sys.close();
        }
      }
      await bob.connect();
      for (const person of [ann, bob]) {
        const [notice] = await person.shows(`S_${person.id}`, ["maintenance at nine"]);
        expect(notice).toMatchObject({ type: "S2C", to: person.id });
        expect((await person.client.dialogs.list()).items).toEqual([]);
      }
    });
  });
};
