import { afterEach, beforeEach, expect, test } from "vitest";
import { ChatWindow } from "../support/chat-window.js";
import { makeTempDir, type TempDir } from "../support/settings.js";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";

const system = shape(() => startSuiteSystem());
let home: TempDir;
const windows: ChatWindow[] = [];

beforeEach(async () => {
  home = await makeTempDir();
});
afterEach(async () => {
  for (const window of windows.splice(0)) await window.leave();
  await home.remove();
});

const open = (account: string, ...more: string[]): ChatWindow => {
  const window = new ChatWindow([account, "--server", system().apiUrls[0] ?? "", "--state", home.path, ...more]);
  windows.push(window);
  return window;
};

test("the README's conversation: both ways, one goes offline and catches up", async () => {
  const ann = open("ann");
  const bob = open("bob");
  await ann.shows("registered at");
  await Promise.all([ann.shows("online"), bob.shows("online")]);
  ann.type("/to bob", "hi bob");
  await bob.shows("ann: hi bob");
  // The window talks to whoever wrote first.
  bob.type("hi ann", "/offline");
  await ann.shows("bob: hi ann");
  await bob.shows("offline: /online brings you back");
  ann.type("are you there?", "call me when you are back");
  // One line is done after the other: by now both are accepted.
  ann.type("/who");
  await ann.shows("me and bob");
  bob.type("/online");
  await bob.shows("ann: call me when you are back");
  const [, ...after] = bob.screen.split("offline: /online brings you back");
  expect(after.join("").match(/ann: .*/g)).toEqual(["ann: are you there?", "ann: call me when you are back"]);

  bob.type("/read", "/dialogs");
  await ann.shows("bob has read up to #4");
  await bob.shows("  ann: call me when you are back");
  expect(await bob.leave()).toBe(0);
});

test("a login is kept: the next window goes on where the last one ended", async () => {
  const first = open("cem");
  await first.shows("registered at");
  await first.shows("online");
  expect(await first.leave()).toBe(0);
  const dora = open("dora");
  dora.type("/to cem", "while you were away");
  await dora.shows("talking to cem");
  const second = open("cem");
  await second.shows("cem, resumed at");
  await second.shows("dora: while you were away");
  const phone = open("cem", "--device", "phone");
  await phone.shows("cem, logged in at");
  await phone.shows("dora (1 unread): while you were away");
});

test("a group, and words for what goes wrong", async () => {
  const eve = open("eve");
  const fay = open("fay");
  await Promise.all([eve.shows("online"), fay.shows("online")]);
  eve.type("hello?", "/nonsense", "/to nobody-here", "/group tea fay", "anyone?", "/who");
  await eve.shows("! to whom? Say it first, e.g. /to bob");
  await eve.shows("! there is no /nonsense; /help shows what there is");
  await eve.shows("! nobody is called nobody-here (yet)");
  await fay.shows("tea · eve: anyone?");
  await eve.shows("me (owner)");
  fay.type("/offline", "into the void");
  await fay.shows("! you are offline: /online first");

  const stranger = open("eve", "--password", "not eve's password", "--device", "stranger");
  await stranger.shows("the account eve has another password: give it with --password");
  expect(await stranger.leave()).toBe(1);
  const lost = new ChatWindow(["ann", "--server", "http://127.0.0.1:9", "--state", home.path]);
  windows.push(lost);
  await lost.shows("there is no answer from http://127.0.0.1:9. Is Dunlin running? Start it with: npm start");
  expect(await lost.leave()).toBe(1);
});
