import type { ScheduledMessage, Update } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { People, type Person } from "../support/person.js";
import type { System } from "../support/system.js";

const HOUR = 3_600_000;
const text = (said: string) => ({ msg_type: "text", text: said });
const soon = (): number => Date.now() + 1_500;

/** Messages that are sent at their time: told to all devices of their sender. */
export const scheduledScenarios = (system: () => System): void => {
  describe("scheduled messages", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    /** A user on two devices, both connected. */
    const onTwoDevices = async (name: string): Promise<[Person, Person]> => {
      const first = await people.online(name);
      const second = people.add(await first.device());
      await second.connect();
      return [first, second];
    };
    const told = (person: Person, id: string, state: string, version = 1): Promise<Update> =>
      person.update(`${id} ${state}`, (u) => u.type === "SCHEDULED" && u["id"] === id && u["state"] === state && u["version"] === version);

    test("sent at its time, once; both devices of the sender follow, also one that comes later", async () => {
      const [ann, phone] = await onTwoDevices("ann");
      const bob = await people.online("bob");
      const late = people.add(await ann.device());
      const at = soon();
      const made = await ann.client.scheduled.create({ to: bob.id, payload: text("it is time"), client_msg_id: "c1" }, at);
      expect(made).toMatchObject({ to: bob.id, payload: text("it is time"), send_at: at, state: "open", version: 1, client_msg_id: "c1" });
      for (const device of [ann, phone])
        expect(await told(device, made.id, "open")).toMatchObject({ payload: text("it is time"), send_at: at });
      expect((await phone.client.scheduled.list()).items).toEqual([made]);

      const [message] = await bob.shows(ids(ann, bob), ["it is time"]);
      if (!message) throw new Error("unreachable");
      expect(message.created_at).toBeGreaterThanOrEqual(at);
      // A second is the goal on a machine of its own; here others may work at the same time.
      expect(message.created_at).toBeLessThan(at + 5_000);
      for (const device of [ann, phone]) expect(await told(device, made.id, "sent")).toMatchObject({ message_id: message.id });
      await phone.shows(ids(ann, bob), ["it is time"]);
      const { updates } = await late.client.updates.difference(0);
      expect(updates.map((u) => [u.type, u["state"]])).toEqual([
        ["SCHEDULED", "open"],
        ["C2C", undefined],
        ["SCHEDULED", "sent"],
      ]);
      expect(await phone.client.scheduled.get(made.id)).toMatchObject({ state: "sent", message_id: message.id });
      expect((await ann.client.scheduled.list()).items).toEqual([]);
      const again = await ann.client.scheduled.create({ to: bob.id, payload: text("it is time"), client_msg_id: "c1" }, at);
      expect(again).toMatchObject({ id: made.id, state: "sent" });
      await ann.client.messages.sendText(bob.id, "that was all");
      await bob.shows(ids(ann, bob), ["it is time", "that was all"]);
    });

    test("asked for twice it is one; other content under its client_msg_id is refused", async () => {
      const [ann, bob] = [await people.registered("ann"), await people.registered("bob")];
      const message = { to: bob.id, payload: text("later"), client_msg_id: "same" };
      const at = Date.now() + HOUR;
      const both = await Promise.all([ann.client.scheduled.create(message, at), ann.client.scheduled.create(message, at)]);
      expect(new Set(both.map(({ id }) => id)).size).toBe(1);
      await expect(ann.client.scheduled.create(message, at + 1)).rejects.toMatchObject({ status: 409, code: 801 });
      await expect(ann.client.scheduled.create({ ...message, payload: text("x") }, at)).rejects.toMatchObject({ status: 409, code: 801 });
      // Another user's is another message.
      await bob.client.scheduled.create({ ...message, to: ann.id }, at);
      expect((await ann.client.scheduled.list()).items).toEqual([both[0]]);
    });

    test("changed on one device, it goes out as changed, at its new time", async () => {
      const [ann, phone] = await onTwoDevices("ann");
      const bob = await people.online("bob");
      const made = await ann.client.scheduled.create({ to: bob.id, payload: text("first") }, Date.now() + HOUR);
      const put = await phone.client.scheduled.change(made.id, { payload: text("second") });
      expect(put).toMatchObject({ payload: text("second"), send_at: made.send_at, version: 2 });
      await told(ann, made.id, "open", 2);
      const at = soon();
      await ann.client.scheduled.change(made.id, { send_at: at });
      expect(await told(phone, made.id, "open", 3)).toMatchObject({ payload: text("second"), send_at: at });
      await bob.shows(ids(ann, bob), ["second"]);
      await told(ann, made.id, "sent", 3);
      await expect(ann.client.scheduled.change(made.id, { payload: text("third") })).rejects.toMatchObject({ status: 409, code: 822 });
      await expect(ann.client.scheduled.cancel(made.id)).rejects.toMatchObject({ status: 409, code: 822 });
    });

    test("cancelled on one device, it is not sent", async () => {
      const [ann, phone] = await onTwoDevices("ann");
      const bob = await people.online("bob");
      const at = soon();
      const made = await ann.client.scheduled.create({ to: bob.id, payload: text("never") }, at);
      const marker = await ann.client.scheduled.create({ to: bob.id, payload: text("but this") }, at + 700);
      expect(await phone.client.scheduled.cancel(made.id)).toMatchObject({ state: "cancelled" });
      await told(ann, made.id, "cancelled");
      expect((await ann.client.scheduled.list()).items.map(({ id }) => id)).toEqual([marker.id]);
      expect(await ann.client.scheduled.cancel(made.id)).toMatchObject({ state: "cancelled" });
      await expect(ann.client.scheduled.change(made.id, { send_at: at + HOUR })).rejects.toMatchObject({ code: 822 });
      await bob.shows(ids(ann, bob), ["but this"]);
      expect(await ann.client.scheduled.get(made.id)).toMatchObject({ state: "cancelled" });
    });

    test("what one may not send when its time has come fails, and stays in the list until it is put away", async () => {
      const [ann, phone] = await onTwoDevices("ann");
      const [bob, cat] = [await people.online("bob"), await people.registered("cat")];
      const group = await cat.client.groups.create("readers", [ann.id, bob.id]);
      const at = Date.now() + 2_500;
      const blocked = await ann.client.scheduled.create({ to: bob.id, payload: text("blocked") }, at);
      const gone = await ann.client.scheduled.create({ to: group.id, payload: text("not a member") }, at + 1);
      await bob.client.blocks.add(ann.id);
      await cat.client.groups.remove(group.id, ann.id);
      for (const device of [ann, phone]) {
        expect(await told(device, blocked.id, "failed")).toMatchObject({ code: 860 });
        expect(await told(device, gone.id, "failed")).toMatchObject({ code: 804 });
      }
      const { items } = await phone.client.scheduled.list();
      expect(items.map((one: ScheduledMessage) => [one.id, one.state, one.code])).toEqual([
        [blocked.id, "failed", 860],
        [gone.id, "failed", 804],
      ]);
      await ann.client.scheduled.cancel(gone.id);
      await told(phone, gone.id, "cancelled");
      expect((await phone.client.scheduled.list()).items.map(({ id }) => id)).toEqual([blocked.id]);
      expect(bob.messages.filter((m) => m.payload["text"] !== undefined)).toEqual([]);
    });

    test("in a group, with a mention and an answer", async () => {
      const [ann, bob] = [await people.online("ann"), await people.online("bob")];
      const group = await ann.client.groups.create("readers", [bob.id]);
      const { id: reply_to } = await ann.client.messages.sendText(group.id, "who reads?");
      await ann.client.scheduled.create({ to: group.id, payload: text("you do"), mentions: [bob.id], reply_to }, soon());
      const [, message] = await bob.shows(group.id, ["who reads?", "you do"]);
      expect(message).toMatchObject({ type: "C2G", from: ann.id, mentions: [bob.id], reply_to });
    });

    test("somebody else's is as one that does not exist", async () => {
      const [ann, bob] = [await people.registered("ann"), await people.registered("bob")];
      const { id } = await ann.client.scheduled.create({ to: bob.id, payload: text("mine") }, Date.now() + HOUR);
      for (const one of [id, "0".repeat(32)]) {
        await expect(bob.client.scheduled.get(one)).rejects.toMatchObject({ status: 404, code: 404 });
        await expect(bob.client.scheduled.change(one, { payload: text("x") })).rejects.toMatchObject({ status: 404, code: 404 });
        await expect(bob.client.scheduled.cancel(one)).rejects.toMatchObject({ status: 404, code: 404 });
      }
      expect((await bob.client.scheduled.list()).items).toEqual([]);
      expect(await ann.client.scheduled.get(id)).toMatchObject({ state: "open", version: 1 });
    });

    test("a hundred at most, from page to page by their time", async () => {
      const [ann, bob] = [await people.registered("ann"), await people.registered("bob")];
      const at = Date.now() + HOUR;
      const create = (i: number) => ann.client.scheduled.create({ to: bob.id, payload: text(`${i}`) }, at - i);
      const made: ScheduledMessage[] = [];
      for (let i = 0; i < 100; i += 20) made.push(...(await Promise.all(Array.from({ length: 20 }, (_, k) => create(i + k)))));
      await expect(create(100)).rejects.toMatchObject({ status: 409, code: 862 });
      const listed: ScheduledMessage[] = [];
      let cursor: string | undefined;
      do {
        const page = await ann.client.scheduled.list({ limit: 30, ...(cursor === undefined ? {} : { cursor }) });
        listed.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
      expect(listed.map(({ id }) => id)).toEqual(made.toReversed().map(({ id }) => id));
      await ann.client.scheduled.cancel((made[0] as ScheduledMessage).id);
      await create(100);
    });

    test("refused: times, peers and bodies that there are not", async () => {
      const [ann, bob] = [await people.registered("ann"), await people.registered("bob")];
      const send_at = Date.now() + HOUR;
      const good = { to: bob.id, client_msg_id: "c", payload: text("hi"), send_at };
      const refusals: [object, number, number][] = [
        [{ ...good, send_at: Date.now() - 1 }, 400, 821],
        [{ ...good, send_at: Date.now() + 367 * 24 * HOUR }, 400, 821],
        [{ ...good, send_at: "tomorrow" }, 400, 400],
        [{ ...good, send_at: undefined }, 400, 400],
        [{ ...good, to: ann.id }, 400, 400],
        [{ ...good, to: `${bob.id.slice(0, -3)}zzz` }, 404, 803],
        [{ ...good, to: "G11111111111111" }, 403, 804],
        [{ ...good, payload: text("x".repeat(16_400)) }, 413, 802],
        [{ ...good, payload: { msg_type: "image", file_id: "F11111111111111", size: 1, width: 1, height: 1 } }, 404, 870],
        [{ ...good, color: "red" }, 400, 400],
      ];
      for (const [body, status, code] of refusals) {
        const answer = await ann.call("POST", "/v1/scheduled-messages", body);
        expect([answer.status, ((await answer.json()) as { code: number }).code], JSON.stringify(body).slice(0, 200)).toEqual([
          status,
          code,
        ]);
      }
      const { id } = await ann.client.scheduled.create(good, send_at);
      for (const [change, code] of [
        [{}, 400],
        [{ send_at: Date.now() - 1 }, 821],
        [{ to: ann.id }, 400],
        [{ payload: { msg_type: "riddle" } }, 400],
      ] as const) {
        const answer = await ann.call("PATCH", `/v1/scheduled-messages/${id}`, change);
        expect(((await answer.json()) as { code: number }).code, JSON.stringify(change)).toBe(code);
      }
      expect((await ann.call("GET", "/v1/scheduled-messages?cursor=abc")).status).toBe(400);
      expect((await ann.call("GET", "/v1/scheduled-messages/me")).status).toBe(400);
      expect(await ann.client.scheduled.get(id)).toMatchObject({ version: 1, payload: text("hi") });
    });
  });
};

const ids = (a: Person, b: Person): string => [a.id, b.id].sort().join("_");
