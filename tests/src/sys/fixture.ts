import { sys } from "@dunlin/proto";
import { type Suite, startSuite } from "@dunlin/suite";
import { atEnd, tempFolder } from "../support/embedded-host.js";
import { baseSettings, type Settings, tokensOf } from "../support/settings.js";
import { Caller } from "./caller.js";

export interface SysFixture {
  readonly suite: Suite;
  readonly caller: Caller;
  readonly settings: Settings;
  /** Another connection. */
  connect(): Promise<Caller>;
  /** A new user's id. */
  addUser(account: string): Promise<string>;
}

/** All five services on embedded engines, and a caller of the internal interface; closed at the end of the test. */
export const startSys = async (env: Settings = {}): Promise<SysFixture> => {
  const settings = { ...baseSettings(await tempFolder()), ...env };
  const suite = await startSuite({ env: settings });
  atEnd(() => suite.stop());
  const connect = async (): Promise<Caller> => {
    const caller = new Caller(suite.grpcAddress, await tokensOf(settings)().issueService("tests"));
    atEnd(() => caller.close());
    return caller;
  };
  const caller = await connect();
  const addUser = async (account: string): Promise<string> => {
    const user = await caller.ask(sys.UserServiceService.createUser, { account, password: "correct horse", nickname: "" });
    return user.id;
  };
  return { suite, caller, settings, connect, addUser };
};

/** All frames of a user from the first on, as objects. */
export const framesOf = async (caller: Caller, userId: string): Promise<Record<string, unknown>[]> => {
  const frames: Record<string, unknown>[] = [];
  for (;;) {
    const answer = await caller.ask(sys.MessageServiceService.getDifference, { userId, pts: frames.length, limit: 1000 });
    frames.push(...answer.updates.map((frame) => JSON.parse(frame.json) as Record<string, unknown>));
    if (!answer.hasMore) return frames;
  }
};
