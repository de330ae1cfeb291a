// `node scripts/image.mjs <folder>`: what a container needs, out of a built tree: compiled code without tests, production
// dependencies without what only other platforms, compilers or debuggers read. Used by the Dockerfile.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { filesBelow, packages, pnpm, root } from "./bootstrap.mjs";

const out = process.argv[2];
if (!out) {
  console.error("usage: node scripts/image.mjs <folder>");
  process.exit(2);
}

const copy = (path) => {
  mkdirSync(dirname(join(out, path)), { recursive: true });
  cpSync(join(root, path), join(out, path));
};

for (const path of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", "LICENSE"]) copy(path);
for (const pkg of packages().filter((name) => /^(libs|services)\b/.test(name))) {
  copy(join(pkg, "package.json"));
  for (const file of filesBelow(join(root, pkg, "dist"))) {
    if (!/\.test\.js$|\.d\.ts$|\.map$|\.tsbuildinfo$/.test(file)) copy(relative(root, file));
  }
}
// syssvc describes its interface from the .proto files.
for (const file of filesBelow(join(root, "libs/proto/proto"))) copy(relative(root, file));

const install = spawnSync("npx", ["-y", pnpm, "install", "--prod", "--frozen-lockfile", "--config.node-linker=isolated"], {
  cwd: out,
  stdio: "inherit",
});
if (install.status !== 0) process.exit(1);

/** Binaries that this platform and this Node do not load; a package carries them for all. */
const foreign = (path) => {
  const name = basename(path);
  if (/^uws_.*\.node$/.test(name)) return name !== `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  const prebuilt = path.match(/[\\/]prebuilds[\\/]([^\\/]+)[\\/]/)?.[1];
  return prebuilt !== undefined && (prebuilt !== `${process.platform}-${process.arch}` || name.includes("musl"));
};
for (const path of filesBelow(join(out, "node_modules"))) {
  if (foreign(path) || /\.(map|d\.[cm]?ts|ts|md|markdown|flow|cc?|cpp|hh?|hpp)$/.test(path)) rmSync(path);
}
