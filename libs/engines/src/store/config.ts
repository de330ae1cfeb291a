import { type ConfigOf, option } from "@dunlin/runtime";

export const storeOptions = {
  IM_STORE_URL: option.optionalUrl(
    "MySQL or MariaDB, mysql://user:password@host:port/database. Unset: SQLite in the data folder.",
    ["mysql"],
    { secret: true },
  ),
  IM_STORE_POOL: option.integer("Connections to MySQL a process may open.", "10", 2, 500),
} as const;

export type StoreConfig = ConfigOf<typeof storeOptions>;
