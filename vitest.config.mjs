import { defineConfig } from "vitest/config";

/** Suites that need a real engine, by file name; they run when the environment says where it is. */
const engineSuites = {
  "**/*.kafka.test.js": ["IM_QUEUE_URL"],
  "**/*.mysql.test.js": ["IM_STORE_URL"],
  "**/*.redis.test.js": ["IM_REDIS_URL"],
  "**/*.etcd.test.js": ["IM_ETCD_URL"],
  "**/*.s3.test.js": ["IM_BLOB_URL"],
  "**/*.cluster.test.js": ["IM_QUEUE_URL", "IM_STORE_URL", "IM_REDIS_URL", "IM_ETCD_URL"],
};
const leftOut = Object.entries(engineSuites).filter(([, needs]) => !needs.every((name) => process.env[name]));

export default defineConfig({
  test: {
    include: ["**/dist/**/*.test.js"],
    exclude: ["**/node_modules/**", ...leftOut.map(([pattern]) => pattern)],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Native modules and process-wide signals: a process for each file. Two at a time, since the engines need the machine too.
    pool: "forks",
    execArgv: ["--enable-source-maps"],
    maxWorkers: 2,
    retry: 0,
  },
});
