import { GatewayFixture } from "./fixture.js";

// Two people, one after the other, each alone at a gateway: what first-connection.test.ts runs.
const gateway = await GatewayFixture.open();
const heard: string[] = [];
for (let i = 0; i < 2; i++) {
  const phone = await gateway.online(await gateway.person());
  heard.push(phone.frames[0]?.type ?? "");
  phone.close();
  await phone.gone();
}
await gateway.close();
process.stdout.write(`${heard.join(" ")}\n`);
