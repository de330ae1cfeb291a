import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Images } from "./index.js";

let images: Images;
beforeEach(() => {
  images = new Images({ workers: 1, pixelsMax: 4_000_000 });
});
afterEach(() => images.close());

const picture = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: "#336699" } });
const given = (bytes: Uint8Array) => async (): Promise<Uint8Array> => bytes;

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
};

/** A PNG of a few kilobytes that says it is this big, and is. */
const bomb = (width: number, height: number): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height), { level: 9 });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
};

test.each(["jpeg", "png", "webp", "gif", "avif"] as const)("%s: measured, and made small", async (format) => {
  const bytes = await picture(600, 300).toFormat(format).toBuffer();
  expect(await images.measure(given(bytes))).toEqual({ width: 600, height: 300 });
  const small = await images.thumbnail(given(bytes), 128);
  expect(await sharp(small).metadata()).toMatchObject({ format: "webp", width: 128, height: 64 });
  expect(await sharp(await images.thumbnail(given(bytes), 640)).metadata()).toMatchObject({ width: 600, height: 300 });
});

test("shown as the camera was held", async () => {
  const bytes = await picture(600, 300).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  expect(await images.measure(given(bytes))).toEqual({ width: 300, height: 600 });
  expect(await sharp(await images.thumbnail(given(bytes), 128)).metadata()).toMatchObject({ width: 64, height: 128 });
});

test("a pixel bomb is refused before it is unpacked", async () => {
  const bytes = bomb(30_000, 30_000);
  expect(bytes.length).toBeLessThan(200_000);
  const begun = performance.now();
  await expect(images.measure(given(bytes))).rejects.toMatchObject({ why: "too-large" });
  await expect(images.thumbnail(given(bytes), 128)).rejects.toMatchObject({ why: "too-large" });
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect(await images.measure(given(bomb(2_000, 2_000)))).toEqual({ width: 2_000, height: 2_000 });
});

test("what is no picture, cut off, or a kind that is not read at all is unreadable", async () => {
  const png = await picture(600, 300).png().toBuffer();
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';
  for (const bytes of [Buffer.from(svg), Buffer.from("<html>"), Buffer.alloc(0), Buffer.alloc(1_000), png.subarray(0, 20)]) {
    await expect(images.measure(given(bytes))).rejects.toMatchObject({ why: "unreadable" });
  }
  await expect(images.thumbnail(given(png.subarray(0, png.length / 2)), 128)).rejects.toMatchObject({ why: "unreadable" });
  expect(await images.measure(given(png))).toEqual({ width: 600, height: 300 });
});

test("one at a time, the others wait, and beyond that they are refused", async () => {
  const bytes = await picture(100, 100).png().toBuffer();
  let running = 0;
  let most = 0;
  const load = async (): Promise<Uint8Array> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return bytes;
  };
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => images.measure(load)));
  expect(most).toBe(1);
  expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(33);
  expect(results.at(-1)).toMatchObject({ reason: { code: "UNAVAILABLE", retryAfterS: 2 } });
});

test("what cannot be loaded fails with its own error and costs no worker; closed, it refuses", async () => {
  const bytes = await picture(10, 10).png().toBuffer();
  await expect(images.measure(() => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
  expect(await images.measure(given(bytes))).toEqual({ width: 10, height: 10 });
  await images.close();
  await expect(images.measure(given(bytes))).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
