import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The four engines' URLs, from the environment or from `npm run engines -- up`. @throws Error telling what to do. */
export const engineUrls = async (env: NodeJS.ProcessEnv): Promise<Record<string, string>> => {
  const names = ["IM_QUEUE_URL", "IM_STORE_URL", "IM_REDIS_URL", "IM_ETCD_URL"];
  const known: Record<string, string> = {};
  const file = await readFile(join(root, ".engines/env"), "utf8").catch(() => "");
  for (const line of file.split("\n")) {
    const match = /^(?:export )?(IM_\w+)=['"]?([^'"]+)['"]?$/.exec(line.trim());
    if (match?.[1] && match[2]) known[match[1]] = match[2];
  }
  const urls: Record<string, string> = {};
  for (const name of names) {
    const url = env[name] ?? known[name];
    if (!url) throw new Error(`${name} is not set and no engines are up: npm run engines -- up`);
    urls[name] = url;
  }
  return urls;
};
