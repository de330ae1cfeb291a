import type { Clock } from "@dunlin/runtime";
import { ROUTE_TTL_MS, type Route, type Routes } from "../port.js";
import type { Connection } from "./connection.js";
import { connectionPrefix, decodeRoute, encodeRoute, RECORD } from "./route-text.js";
import { Script } from "./script.js";

/** Users a script handles at once: Redis does nothing else meanwhile (about 1 ms). Larger calls go in one pipeline. */
const CHUNK = 500;

// KEYS: a user's routes each; ARGV: time to live, then device and text for each key. A key that holds something else is
// replaced: nothing here is the only copy of anything.
const register = new Script(`
for i, key in ipairs(KEYS) do
  local result = redis.pcall('HSET', key, ARGV[i * 2], ARGV[i * 2 + 1])
  if type(result) == 'table' and result.err then
    if string.find(result.err, 'WRONGTYPE', 1, true) == nil then return result end
    redis.call('DEL', key)
    redis.call('HSET', key, ARGV[i * 2], ARGV[i * 2 + 1])
  end
  redis.call('PEXPIRE', key, ARGV[1])
end
return #KEYS
`);

// KEYS: a user's routes each; ARGV: device and beginning of the text for each key.
const remove = new Script(`
for i, key in ipairs(KEYS) do
  local text = redis.pcall('HGET', key, ARGV[i * 2 - 1])
  local prefix = ARGV[i * 2]
  if type(text) == 'string' and string.sub(text, 1, #prefix) == prefix then redis.call('HDEL', key, ARGV[i * 2 - 1]) end
end
return #KEYS
`);

// KEYS: a user's routes each. One text for each key, empty for a user without routes.
const lookup = new Script(`
local found = {}
for i, key in ipairs(KEYS) do
  local texts = redis.pcall('HVALS', key)
  found[i] = texts.err and '' or table.concat(texts, '\\n')
end
return found
`);

export class RedisRoutes implements Routes {
  constructor(
    private readonly connection: Connection,
    private readonly clock: Pick<Clock, "now">,
  ) {}

  async register(entries: readonly { userId: string; route: Route }[]): Promise<void> {
    const now = this.clock.now();
    await this.#chunked(
      register,
      entries,
      ({ userId }) => userId,
      [ROUTE_TTL_MS],
      ({ route }) => [route.deviceId, encodeRoute(route, now)],
    );
  }

  async remove(entries: readonly { userId: string; deviceId: string; connectionId: string }[]): Promise<void> {
    await this.#chunked(
      remove,
      entries,
      ({ userId }) => userId,
      [],
      ({ deviceId, connectionId }) => [deviceId, connectionPrefix(connectionId)],
    );
  }

  async lookup(userIds: readonly string[]): Promise<Map<string, Route[]>> {
    // The hash of a user lives for as long as one device renews it; what another left behind in it is passed over.
    const oldest = this.clock.now() - ROUTE_TTL_MS;
    const texts = await this.#chunked(
      lookup,
      userIds,
      (userId) => userId,
      [],
      () => [],
    );
    const found = new Map<string, Route[]>();
    userIds.forEach((userId, i) => {
      const text = texts[i];
      if (typeof text !== "string" || text === "") return;
      const routes = text.split(RECORD).flatMap((record) => decodeRoute(record, oldest) ?? []);
      if (routes.length > 0) found.set(userId, routes);
    });
    return found;
  }

  /** Runs the script on the entries, CHUNK at a time, all in one pipeline; the answers that are lists, joined. */
  async #chunked<T>(
    script: Script,
    entries: readonly T[],
    userOf: (entry: T) => string,
    first: readonly (string | number)[],
    argsOf: (entry: T) => readonly string[],
  ): Promise<unknown[]> {
    const calls: Promise<unknown>[] = [];
    // An empty call still says when Redis is away.
    for (let i = 0; i === 0 || i < entries.length; i += CHUNK) {
      const chunk = entries.slice(i, i + CHUNK);
      const keys = chunk.map((entry) => this.connection.key(`route:${userOf(entry)}`));
      calls.push(this.connection.run((redis) => script.run(redis, keys, [...first, ...chunk.flatMap(argsOf)])));
    }
    return (await Promise.all(calls)).flatMap((answer) => (Array.isArray(answer) ? (answer as unknown[]) : []));
  }
}
