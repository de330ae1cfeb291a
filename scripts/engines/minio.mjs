import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { failure, root } from "../bootstrap.mjs";
import { defineEngine, findProgram, host, requireProgram } from "./process.mjs";

/** Builds with Go 1.24 and newer. MinIO publishes no binaries to package registries. */
const version = "v0.0.0-20260212201848-7aac2a2c5b7c";
const bin = join(root, ".engines", "minio-bin", version);
const bucket = "dunlin";
const user = "dunlin";
const password = "dunlin-local";

const program = () => findProgram("minio") ?? (existsSync(join(bin, "minio")) ? join(bin, "minio") : undefined);

/** Whether MinIO can be started without building it first. */
export const minioPresent = () => program() !== undefined;

/** Builds MinIO with Go (some minutes, once). @throws when Go is missing or fails */
export const ensureMinio = () => {
  if (minioPresent()) return;
  const go = requireProgram("go", "golang-go");
  console.error("building MinIO …");
  mkdirSync(bin, { recursive: true });
  const env = { ...process.env, GOBIN: bin, CGO_ENABLED: "0" };
  const args = ["install", "-trimpath", "-ldflags=-s -w", `github.com/minio/minio@${version}`];
  const done = spawnSync(go, args, { encoding: "utf8", env, maxBuffer: 64 << 20 });
  if (done.status !== 0) throw failure(`go install failed:\n${done.stdout}${done.stderr}`);
};

/** One MinIO on one folder, with a bucket in it. */
export const minio = defineEngine({
  name: "minio",
  setting: "IM_BLOB_URL",
  defaultPort: 9000,
  url: (port) => `s3+http://${user}:${password}@${host}:${port}/${bucket}`,
  require: () => {
    if (!minioPresent()) requireProgram("go", "golang-go");
  },
  prepare: ({ data }) => {
    ensureMinio();
    // To MinIO a folder in its own is a bucket.
    mkdirSync(join(data, bucket), { recursive: true });
  },
  command: ({ data, ports: [port] }) => ({
    file: program(),
    args: ["server", "--quiet", "--address", `${host}:${port}`, data],
    env: {
      MINIO_ROOT_USER: user,
      MINIO_ROOT_PASSWORD: password,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
      // Else it refuses a folder on the system's own disk.
      MINIO_CI_CD: "1",
    },
  }),
  ready: async (port) => (await fetch(`http://${host}:${port}/minio/health/ready`, { signal: AbortSignal.timeout(2000) })).ok,
});

export const { start, attach, missing } = minio;
