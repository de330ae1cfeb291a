// Rules of this house that no tool knows. Each answers one line for each breach.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { filesBelow, packages, root } from "../bootstrap.mjs";

const read = (path) => readFileSync(path, "utf8");

/** Only a main.ts reads the environment; everything else gets its settings handed in. */
export const environmentReaders = () =>
  packages()
    .filter((pkg) => /^(libs|services|apps)\b/.test(pkg))
    .flatMap((pkg) => filesBelow(join(root, pkg, "src")))
    .filter((path) => /\.tsx?$/.test(path) && !/(^|[\\/])main\.ts$|\.test\.ts$/.test(path))
    .filter((path) => /\bprocess\s*\.\s*env\b|\{[^}]*\benv\b[^}]*\}\s*(=\s*process\b|from\s*"(node:)?process")/.test(read(path)))
    .map((path) => `${relative(root, path)}: only main.ts reads process.env`);

/** One dependency has one version in the whole workspace. */
export const unevenVersions = () => {
  const seen = new Map();
  const problems = [];
  for (const file of ["package.json", ...packages().map((pkg) => join(pkg, "package.json"))]) {
    const { dependencies, devDependencies } = JSON.parse(read(join(root, file)));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (!version.startsWith("workspace:") && !/^(npm:.*@)?\d/.test(version))
        problems.push(`${file}: ${name} ${version} is not an exact version`);
      const other = seen.get(name);
      if (other && other.version !== version) problems.push(`${file}: ${name} ${version}, but ${other.version} in ${other.file}`);
      seen.set(name, { version, file });
    }
  }
  return problems;
};

/** Nothing that is committed may depend on where it was written: no registry's address, no folder of this machine. */
export const unportable = () => {
  const git = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  // Outside of a checkout (an archive, an image) there is nothing to commit.
  if (git.status !== 0) return [];
  // A folder straight below the root, such as /app in a container, is a name that files may use with reason.
  const folders = [root, homedir()].filter((folder) => folder === "/root" || folder.split("/").length > 2).map((folder) => `${folder}/`);
  const lines = git.stdout
    .split("\0")
    .filter((file) => file && /\.(json|ya?ml|[cm]?[jt]s|md|sh|toml|proto|html)$|(^|\/)(\.npmrc|Dockerfile|run)$/.test(file))
    .flatMap((file) => {
      try {
        return read(join(root, file))
          .split("\n")
          .map((text, i) => ({ at: `${file}:${i + 1}`, file, text }));
      } catch {
        // Deleted, but not yet committed.
        return [];
      }
    });
  return lines.flatMap(({ at, file, text }) => {
    const found = [];
    const folder = folders.find((name) => text.includes(name));
    if (folder) found.push(`${at}: names a folder of this machine, ${folder}`);
    if (/registry\.(npmjs|yarnpkg|npmmirror)\.|^\s*(\/\/|@[\w-]+:)?registry\s*=/.test(text)) found.push(`${at}: names a package registry`);
    if (file === "pnpm-lock.yaml" && /https?:\/\//.test(text) && /tarball|resolution/.test(text))
      found.push(`${at}: a dependency by its address`);
    return found;
  });
};

/** The settings that the code knows, read from its option tables. */
export const knownSettings = () =>
  new Set(
    packages()
      .flatMap((pkg) => filesBelow(join(root, pkg, "src")))
      .filter((path) => /\.ts$/.test(path) && !/\.test\.ts$/.test(path))
      .flatMap((path) => [...read(path).matchAll(/^\s+(IM_[A-Z0-9_]+): option\b/gm)].map((match) => match[1])),
  );
