import type { Tokens } from "@dunlin/domain";
import type { Store } from "@dunlin/engines/store";
import type { Inbox } from "./inbox.js";

/** A whole Dunlin under test, whatever it is made of. */
export interface System {
  /** Origins of the HTTP API, one for each apisvc. */
  readonly apiUrls: readonly string[];
  /** host:port of each syssvc. */
  readonly grpcAddresses: readonly string[];
  /** Signs tokens as the system does; by a clock that stands at `now` (ms), when given. */
  tokens(now?: number): Tokens;
  /** The system's own store, to look at what is there and to let time pass (trimming logs). */
  readonly store: Store;
  /** Where the e-mails go that it sends. */
  readonly inbox: Inbox;
  /** Drains and stops everything. Idempotent. */
  stop(): Promise<void>;
}
