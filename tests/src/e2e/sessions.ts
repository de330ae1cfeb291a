import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { handshake } from "../support/handshake.js";
import { People } from "../support/person.js";
import type { System } from "../support/system.js";

/** Logins and their ends. */
export const sessionScenarios = (system: () => System): void => {
  describe("sessions", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("ending a session closes its connection with 4403, and its tokens are no longer good", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const phone = people.add(await ann.device());
      await phone.connect();
      const sessions = await ann.client.sessions.list();
      expect(sessions.map((s) => s.device_id).sort()).toEqual([ann.client.deviceId, phone.client.deviceId].sort());
      const other = sessions.find((s) => s.device_id === phone.client.deviceId);
      const token = phone.client.accessToken ?? "";
      await ann.client.sessions.end(other?.id ?? "");

      const stopped = await eventually("the phone stopped", () => phone.states.find((s) => s.name === "stopped"));
      expect(stopped).toMatchObject({ code: 4403 });
      await eventually("no apisvc takes the token", async () => {
        const answers = await Promise.all(
          system().apiUrls.map((url) => fetch(new URL("/v1/users/me", url), { headers: { authorization: `Bearer ${token}` } })),
        );
        return answers.every((a) => a.status === 401);
      });
      const { urls } = await ann.client.updates.gateway();
      for (const url of urls) {
        await eventually("no gateway takes the token", async () => (await handshake({ url, query: { token } })).status === 401);
      }
      await expect(phone.client.refresh()).rejects.toMatchObject({ status: 401, code: 706 });
      // The other device is not concerned.
      const { conversation_id } = await bob.client.messages.sendText(ann.id, "still there?");
      await ann.shows(conversation_id, ["still there?"]);
      expect((await ann.client.sessions.list()).map((s) => s.device_id)).toEqual([ann.client.deviceId]);
    });

    test("nobody ends another's session", async () => {
      const [ann, bob] = await Promise.all([people.registered("ann"), people.registered("bob")]);
      const [session] = await ann.client.sessions.list();
      const answer = await bob.call("DELETE", `/v1/sessions/${session?.id}`);
      expect([403, 404]).toContain(answer.status);
      expect(await ann.client.users.me()).toMatchObject({ id: ann.id });
    });

    test("a newer login of the same device replaces the connection with 4406", async () => {
      const ann = await people.online("ann");
      const again = people.add(ann.restarted());
      await again.login();
      const stopped = await eventually("the older one stopped", () => ann.states.find((s) => s.name === "stopped"));
      expect(stopped).toMatchObject({ code: 4406 });
      await again.connect();
    });

    test("a refresh token whose successor was used ends the session", async () => {
      const ann = await people.registered("ann");
      const stolen = ann.client.state.tokens?.refresh;
      await ann.client.refresh();
      await ann.client.refresh();
      expect(ann.client.state.tokens?.refresh).not.toBe(stolen);
      const reuse = await ann.call("POST", "/v1/auth/refresh", { refresh_token: stolen });
      expect([reuse.status, ((await reuse.json()) as { code: number }).code]).toEqual([401, 708]);
      await expect(ann.client.refresh()).rejects.toMatchObject({ status: 401 });
    });

    test("logging out ends the session", async () => {
      const ann = await people.online("ann");
      const token = ann.client.accessToken ?? "";
      await ann.client.logout();
      await eventually("the token refused", async () => {
        const answer = await fetch(new URL("/v1/users/me", ann.apiUrl), { headers: { authorization: `Bearer ${token}` } });
        return answer.status === 401;
      });
    });
  });
};
