import { expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { Person } from "../support/person.js";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";

const system = shape(() => startSuiteSystem({ IM_ACCESS_TTL_S: "5" }));

test("an access token that expires is refreshed, on the connection and for calls; nothing is missed", async () => {
  const [ann, bob] = await Promise.all([Person.online(system(), "ann"), Person.online(system(), "bob")]);
  const first = { ann: ann.client.accessToken, bob: bob.client.accessToken };
  // ann only listens, so it is her connection's end that makes her refresh.
  const said: string[] = [];
  let conversation = "";
  const renewed = eventually("ann back with another token", () => ann.states.filter((s) => s.name === "online").length > 1);
  for (let i = 0; ann.states.filter((s) => s.name === "online").length < 2; i++) {
    said.push(`n ${i}`);
    conversation = (await bob.client.messages.sendText(ann.id, `n ${i}`)).conversation_id;
    await ann.shows(conversation, said);
  }
  await renewed;
  expect(ann.states).toContainEqual(expect.objectContaining({ name: "waiting", code: 4107, ms: 0 }));
  expect(ann.client.accessToken).not.toBe(first.ann);
  // Calls refresh as well, many at a time with one refresh: more would end the session.
  await eventually("bob's first token expired", async () => {
    const answer = await fetch(new URL("/v1/users/me", bob.apiUrl), { headers: { authorization: `Bearer ${first.bob}` } });
    return answer.status === 401 && ((await answer.json()) as { code: number }).code === 707;
  });
  await Promise.all(Array.from({ length: 10 }, () => bob.client.users.me()));
  expect(ann.reloads).toHaveLength(1);
  await Promise.all([ann.disconnect(), bob.disconnect()]);
});
