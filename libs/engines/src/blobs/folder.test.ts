import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@dunlin/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../testing/eventually.js";
import { blobContract } from "./contract.js";
import { serveDoor } from "./door-server.js";
import { FolderBlobs } from "./folder/index.js";
import { BLOB_DOOR, type BlobDoor } from "./port.js";

let dataDir: string;
let newest: FolderBlobs;
let server: Awaited<ReturnType<typeof serveDoor>>;

const open = async (): Promise<FolderBlobs> => {
  newest = await FolderBlobs.open({ dataDir, clock: systemClock });
  return newest;
};

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "dunlin-blobs-"));
  server = await serveDoor((): BlobDoor => newest.door);
});
afterAll(async () => {
  await server.close();
  await rm(dataDir, { recursive: true });
});

blobContract("folder", { open, origin: () => server.origin });

const unfinished = (): Promise<string[]> => readdir(join(dataDir, "blobs", "unfinished"));

test("nothing half-written stays, and what a killed process left goes when its time is over", async () => {
  const blobs = await open();
  await eventually(async () => expect(await unfinished()).toEqual([]));
  const [old, young] = ["old", "young"].map((name) => join(dataDir, "blobs", "unfinished", name)) as [string, string];
  await writeFile(old, "x");
  await writeFile(young, "x");
  const longAgo = Date.now() / 1000 - 3 * 3600;
  await utimes(old, longAgo, longAgo);
  await blobs.close();
  const again = await open();
  expect(await unfinished()).toEqual(["young"]);
  await rm(young);
  await again.close();
});

test("a token of another folder, cut, or for something else is refused", async () => {
  const other = join(dataDir, "other");
  await mkdir(other);
  const stranger = await FolderBlobs.open({ dataDir: other, clock: systemClock });
  const blobs = await open();
  await blobs.put("x", Buffer.from("x"));
  const tokenOf = (path: string): string => path.slice(BLOB_DOOR.length);
  const theirs = tokenOf(await stranger.signDownload("x", { type: "text/plain", name: "x", ttlMs: 60_000 }));
  const ours = tokenOf(await blobs.signDownload("x", { type: "text/plain", name: "x", ttlMs: 60_000 }));
  for (const token of [theirs, ours.slice(0, -1), `${ours}A`, "", ".", "x.y", ours.replace(".", "..")]) {
    await expect(blobs.door.open(token), token).rejects.toMatchObject({ code: "FORBIDDEN" });
  }
  const { body } = await blobs.door.open(ours);
  body.destroy();
  await stranger.close();
  await blobs.close();
});

test("the key that signs is readable by its owner only", async () => {
  expect((await stat(join(dataDir, "blobs", ".secret"))).mode & 0o777).toBe(0o600);
});
