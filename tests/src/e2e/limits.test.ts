import { expect, test } from "vitest";
import { handshake } from "../support/handshake.js";
import { Person } from "../support/person.js";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";

const system = shape(() => startSuiteSystem({ IM_WS_MAX_CONNECTIONS: "1", IM_RATE_SENDS_PER_S: "5", IM_GROUP_MEMBERS_MAX: "3" }));

test("a gateway that is full answers 503 with Retry-After, and lets in who comes when there is room", async () => {
  const ann = await Person.online(system(), "ann");
  const bob = await Person.register(system(), "bob");
  const [url = ""] = (await bob.client.updates.gateway()).urls;
  const answer = await handshake({ url, query: { token: bob.client.accessToken ?? "" } });
  expect(answer.status).toBe(503);
  expect(Number(answer.retryAfter)).toBeGreaterThan(0);
  await ann.disconnect();
  await bob.connect();
  await bob.disconnect();
});

test("over the rate: 429 with Retry-After, and a client that waits gets all of it through", async () => {
  const [ann, bob] = await Promise.all([Person.register(system(), "ann"), Person.register(system(), "bob")]);
  const send = (n: number): Promise<Response> =>
    ann.call("POST", "/v1/messages", { to: bob.id, client_msg_id: `n${n}`, payload: { msg_type: "text", text: `${n}` } });
  const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => send(n)));
  const refused = answers.filter((answer) => answer.status === 429);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  await Promise.all(Array.from({ length: 6 }, (_, n) => ann.client.messages.sendText(bob.id, `waits ${n}`)));
});

test("a full group takes nobody more", async () => {
  const [ann, bob, cem, dora] = await Promise.all(["ann", "bob", "cem", "dora"].map((name) => Person.register(system(), name)));
  if (!ann || !bob || !cem || !dora) throw new Error("four were asked for");
  await expect(ann.client.groups.create("crowd", [bob.id, cem.id, dora.id])).rejects.toMatchObject({ status: 409, code: 805 });
  const group = await ann.client.groups.create("three", [bob.id, cem.id]);
  await expect(ann.client.groups.add(group.id, [dora.id])).rejects.toMatchObject({ status: 409, code: 805 });
});
