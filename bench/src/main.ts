import { benchDialogs } from "./dialogs.js";
import { benchFanout } from "./fanout.js";
import { benchIdle } from "./idle.js";
import { benchIngest } from "./ingest.js";
import { benchPaging } from "./paging.js";
import { benchPath } from "./path.js";
import { benchSearch } from "./search.js";

const benches: Record<string, (args: readonly string[]) => Promise<void>> = {
  path: benchPath,
  paging: benchPaging,
  dialogs: benchDialogs,
  ingest: benchIngest,
  idle: benchIdle,
  fanout: benchFanout,
  search: benchSearch,
};

const [name = "", ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench) await bench(args);
else {
  process.stderr.write(`npm run bench -- <name> [options]; names: ${Object.keys(benches).join(", ")}\n`);
  process.exitCode = 2;
}
