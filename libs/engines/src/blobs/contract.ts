import { randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually, fresh } from "../testing/eventually.js";
import type { Blobs, SignedUpload } from "./port.js";

/** What the suite needs to know about an engine. */
export interface BlobHarness {
  /** Opens the blobs; those opened in one test share their content, as two processes would. */
  open(): Promise<Blobs>;
  /** The origin at which a signed path is served; not asked for absolute URLs. */
  origin(): string;
}

const text = async (body: Readable): Promise<string> => (await buffer(body)).toString();
const MINUTE = 60_000;

/** What every blob engine must do. */
export const blobContract = (name: string, harness: BlobHarness): void => {
  describe(`blob contract: ${name}`, () => {
    let blobs: Blobs;
    let folder: string;
    beforeEach(async () => {
      blobs = await harness.open();
      folder = fresh("suite");
    });
    afterEach(() => blobs.close());

    const key = (rest: string): string => `${folder}/${rest}`;
    const put = (rest: string, content: string | Uint8Array): Promise<void> => blobs.put(key(rest), Buffer.from(content));
    const read = async (rest: string): Promise<string | undefined> => {
      const found = await blobs.get(key(rest));
      return found && text(found.body);
    };
    const upload = ({ url, headers }: SignedUpload, body: Uint8Array | string, more: Record<string, string> = {}): Promise<Response> =>
      fetch(new URL(url, harness.origin()), { method: "PUT", headers: { ...headers, ...more }, body: body as string });
    const keysOf = async (prefix: string, page: { after?: string; limit?: number } = {}): Promise<string[]> => {
      const after = page.after === undefined ? {} : { after: key(page.after) };
      const found = await blobs.list(key(prefix), { limit: page.limit ?? 1_000, ...after });
      return found.map((info) => info.key.slice(folder.length + 1));
    };

    test("what was put is there, whole, with its size and time; put again it is replaced", async () => {
      const bytes = randomBytes(300_000);
      const before = Date.now();
      await put("a.bin", bytes);
      const info = await blobs.head(key("a.bin"));
      expect(info).toMatchObject({ key: key("a.bin"), size: 300_000 });
      // Some engines tell whole seconds.
      expect(info?.modifiedAt).toBeGreaterThan(before - 2_000);
      const found = await blobs.get(key("a.bin"));
      expect(found?.size).toBe(300_000);
      expect(bytes.equals(await buffer(found?.body as Readable))).toBe(true);
      await put("a.bin", "short");
      expect(await read("a.bin")).toBe("short");
      await put("empty", "");
      expect(await read("empty")).toBe("");
    });

    test("another process sees it at once", async () => {
      const other = await harness.open();
      await put("shared", "x");
      expect(await other.head(key("shared"))).toMatchObject({ size: 1 });
      await other.close();
    });

    test("what is not there: undefined, false, and no error when it is removed", async () => {
      expect(await blobs.head(key("none"))).toBeUndefined();
      expect(await blobs.get(key("none"))).toBeUndefined();
      expect(await blobs.move(key("none"), key("to"))).toBe(false);
      expect(await blobs.list(key("none"), { limit: 10 })).toEqual([]);
      await blobs.delete([key("none"), key("deep/none")]);
      await blobs.delete([]);
    });

    test("a part of it: first, middle and last bytes", async () => {
      await put("part", "0123456789");
      const part = async (start: number, end: number): Promise<string> => {
        const found = await blobs.get(key("part"), { start, end });
        expect(found?.size).toBe(10);
        return text(found?.body as Readable);
      };
      expect(await part(0, 0)).toBe("0");
      expect(await part(3, 6)).toBe("3456");
      expect(await part(9, 9)).toBe("9");
      expect(await part(0, 9)).toBe("0123456789");
    });

    test("removed ones are gone, the others stay", async () => {
      await Promise.all(["a", "b", "c"].map((one) => put(one, one)));
      await blobs.delete([key("a"), key("c")]);
      expect(await keysOf("")).toEqual(["b"]);
      expect(await blobs.get(key("a"))).toBeUndefined();
    });

    test("a moved one has only its new key, and replaces what was there", async () => {
      await put("from", "new");
      await put("to/x", "old");
      expect(await blobs.move(key("from"), key("to/x"))).toBe(true);
      expect(await keysOf("")).toEqual(["to/x"]);
      expect(await read("to/x")).toBe("new");
    });

    test("listed by prefix in order, page by page", async () => {
      const names = ["a", "b-1", "b/1", "b/2/x", "b/2/y", "b/3", "b1", "ba", "c"];
      for (const one of [...names].reverse()) await put(one, one);
      expect(await keysOf("")).toEqual(names);
      expect(await keysOf("b/")).toEqual(["b/1", "b/2/x", "b/2/y", "b/3"]);
      expect(await keysOf("b/2")).toEqual(["b/2/x", "b/2/y"]);
      expect(await keysOf("b")).toEqual(names.slice(1, 8));
      for (let limit = 1; limit <= 4; limit++) {
        const seen: string[] = [];
        for (;;) {
          const page = await keysOf("b", { limit, ...(seen.length > 0 ? { after: seen.at(-1) as string } : {}) });
          expect(page.length).toBeLessThanOrEqual(limit);
          if (page.length === 0) break;
          seen.push(...page);
        }
        expect(seen).toEqual(names.slice(1, 8));
      }
    });

    test("a key that is none is refused before anything is done", async () => {
      const bad = [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/./b",
        ".hidden",
        "a\0b",
        "a b",
        "ä",
        "a\\b",
        "x".repeat(600),
        "a/".repeat(9),
      ];
      for (const one of bad) {
        await expect(blobs.put(one, Buffer.from("x")), one).rejects.toThrow(RangeError);
        await expect(blobs.get(one)).rejects.toThrow(RangeError);
        await expect(blobs.move(key("a"), one)).rejects.toThrow(RangeError);
        await expect(blobs.delete([one])).rejects.toThrow(RangeError);
        await expect(blobs.signUpload(one, { size: 1, type: "text/plain", ttlMs: MINUTE })).rejects.toThrow(RangeError);
      }
    });

    test("a signed upload takes what it was signed for", async () => {
      const bytes = randomBytes(1_000_000);
      const signed = await blobs.signUpload(key("up"), { size: bytes.length, type: "image/png", ttlMs: MINUTE });
      expect((await upload(signed, bytes)).status).toBe(200);
      const found = await blobs.get(key("up"));
      expect(bytes.equals(await buffer(found?.body as Readable))).toBe(true);
    });

    test("a signed upload refuses another length, another type, another method and a changed URL", async () => {
      const signed = await blobs.signUpload(key("up"), { size: 10, type: "image/png", ttlMs: MINUTE });
      const tampered = { ...signed, url: signed.url.replace(/.$/, (last) => (last === "A" ? "B" : "A")) };
      const answers = [
        await upload(signed, "123456789"),
        await upload(signed, "12345678901"),
        await upload(signed, "1234567890", { "content-type": "text/html" }),
        await upload(tampered, "1234567890"),
        await fetch(new URL(signed.url, harness.origin())),
      ];
      for (const { status } of answers) expect([400, 403, 405, 413]).toContain(status);
      expect(await blobs.head(key("up"))).toBeUndefined();
    });

    test("a signed upload of another key, and one whose time is over, are refused", async () => {
      const other = await blobs.signDownload(key("up"), { type: "text/plain", name: "x", ttlMs: MINUTE });
      expect((await upload({ url: other, headers: { "content-type": "text/plain" } }, "x")).status).toBeGreaterThanOrEqual(400);
      const late = await blobs.signUpload(key("late"), { size: 1, type: "text/plain", ttlMs: 1_000 });
      await eventually(async () => {
        const { status } = await upload(late, "x");
        expect(status).toBe(403);
      });
    });

    test("an upload that breaks off leaves nothing", async () => {
      const size = 200_000;
      const { url, headers } = await blobs.signUpload(key("torn"), { size, type: "image/png", ttlMs: MINUTE });
      await new Promise<void>((resolve) => {
        const req = request(new URL(url, harness.origin()), { method: "PUT", headers: { ...headers, "content-length": size } });
        req.on("error", () => resolve());
        req.on("response", () => resolve());
        req.write(randomBytes(size / 2), () => setImmediate(() => req.destroy(new Error("the client has gone"))));
      });
      // An upload after it is complete: by then the torn one has had its time.
      const next = await blobs.signUpload(key("whole"), { size: 1, type: "image/png", ttlMs: MINUTE });
      expect((await upload(next, "x")).status).toBe(200);
      expect(await keysOf("")).toEqual(["whole"]);
    });

    test("a signed download: fixed type, attachment with its name, and no upload", async () => {
      await put("down", "<script>alert(1)</script>");
      const path = await blobs.signDownload(key("down"), { type: "image/png", name: 'grüße "a"\r\n.png', ttlMs: MINUTE });
      const url = new URL(path, harness.origin());
      const response = await fetch(url);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("image/png");
      expect(response.headers.get("content-disposition")).toBe(
        `attachment; filename="gr__e _a___.png"; filename*=UTF-8''gr%C3%BC%C3%9Fe%20%22a%22%0D%0A.png`,
      );
      expect(await response.text()).toBe("<script>alert(1)</script>");
      expect((await fetch(url, { method: "PUT", body: "x" })).status).toBeGreaterThanOrEqual(400);
      const gone = await blobs.signDownload(key("gone"), { type: "image/png", name: "x", ttlMs: MINUTE });
      expect((await fetch(new URL(gone, harness.origin()))).status).toBe(404);
    });

    test("closed, it refuses; closing twice is harmless", async () => {
      await blobs.ping();
      await blobs.close();
      await blobs.close();
      const calls = [blobs.put(key("x"), Buffer.from("x")), blobs.get(key("x")), blobs.list("", { limit: 1 }), blobs.ping()];
      for (const result of await Promise.allSettled(calls)) expect(result).toMatchObject({ reason: { code: "UNAVAILABLE" } });
    });
  });
};
