import { type ConfigOf, option } from "@dunlin/runtime";

export const cacheOptions = {
  IM_REDIS_URL: option.optionalUrl("Redis, redis://[:password@]host:port[/db]. Unset: memory of this process.", ["redis", "rediss"], {
    secret: true,
  }),
} as const;

export type CacheConfig = ConfigOf<typeof cacheOptions>;
