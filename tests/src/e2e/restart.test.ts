import { newClientMsgId } from "@dunlin/client";
import { Closer } from "@dunlin/runtime";
import { startSuite } from "@dunlin/suite";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { Inbox } from "../support/inbox.js";
import { Person } from "../support/person.js";
import { freePorts } from "../support/ports.js";
import { baseSettings, makeTempDir, tokensOf } from "../support/settings.js";

let closer = new Closer();
afterEach(async () => {
  await closer.close();
  closer = new Closer();
});

test("an orderly restart: clients are told, come back by themselves and go on; everything is still there", async () => {
  const dir = await makeTempDir();
  closer.add("folder", dir.remove);
  const inbox = await Inbox.open();
  closer.add("inbox", () => inbox.close());
  const [api, ws] = await freePorts(2);
  const settings = { ...baseSettings(dir.path), IM_API_PORT: String(api), IM_WS_PORT: String(ws) };
  const before = await startSuite({ env: settings });
  closer.add("first run", () => before.stop());
  const { apiUrl, grpcAddress, host } = before;
  const system = {
    apiUrls: [apiUrl],
    grpcAddresses: [grpcAddress],
    tokens: tokensOf(settings),
    store: host.engines.store,
    inbox,
    stop: async () => {},
  };
  const [ann, bob] = await Promise.all([Person.online(system, "ann"), Person.online(system, "bob")]);
  closer.add("people", async () => {
    await Promise.all([ann.disconnect(), bob.disconnect()]);
  });
  const { conversation_id } = await ann.client.messages.sendText(bob.id, "before");
  await bob.shows(conversation_id, ["before"]);

  await before.stop();
  await eventually("ann waits", () => ann.states.some((s) => s.name === "waiting"));
  // Nobody is there; the client tries until somebody is.
  const message = { to: bob.id, client_msg_id: newClientMsgId(), payload: { msg_type: "text", text: "in between" } };
  const sending = eventually("the send accepted", () => ann.client.messages.send(message).catch(() => undefined), 60_000);
  const after = await startSuite({ env: settings });
  closer.add("second run", () => after.stop());
  await sending;
  await bob.shows(conversation_id, ["before", "in between"]);
  await bob.client.messages.sendText(ann.id, "after");
  for (const person of [ann, bob]) {
    const shown = await person.shows(conversation_id, ["before", "in between", "after"]);
    expect(shown.map((m) => m.seq)).toEqual([1, 2, 3]);
    expect(person.reloads).toHaveLength(1);
  }
});
