import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { deflateRawSync } from "node:zlib";
import { type FileUpload, newClientMsgId } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { People, type Person } from "../support/person.js";
import { png, pngFile } from "../support/pictures.js";
import type { System } from "../support/system.js";

const NOT_FOUND = { code: 870, status: 404 };

const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "taken",
    (error: unknown) => error,
  );

/** Sends a file's id as an app would; resolves when `to` was shown it. */
const sendFile = async (from: Person, to: string, fileId: string, ...shown: readonly Person[]): Promise<string> => {
  const { id } = await from.client.messages.send({ to, payload: { msg_type: "file", file_id: fileId, size: 1, name: "x" } });
  for (const person of shown) await eventually(`${person.account} is shown the file`, () => person.messages.some((m) => m.id === id));
  return id;
};

const put = (person: Person, { upload_url, headers }: FileUpload, body: Uint8Array): Promise<Response> =>
  fetch(new URL(upload_url, person.apiUrl), { method: "PUT", headers, body: new Uint8Array(body) });

/** Announces `type` and `size`, uploads `bytes` all the same, and completes: what that came to. */
const tryUpload = async (person: Person, type: string, bytes: Uint8Array, size = bytes.length): Promise<unknown> => {
  const upload = await person.client.files.create({ name: "x", size, type });
  await put(person, upload, bytes);
  const outcome = await refusal(person.client.files.complete(upload.id));
  // Refused is gone: nothing of it can be had or sent.
  expect(await refusal(person.client.files.download(upload.id))).toMatchObject(NOT_FOUND);
  return outcome;
};

/** Files: uploaded past the services, checked, and shown to those who may read a message with them, and to no one else. */
export const fileScenarios = (system: () => System): void => {
  describe("files", () => {
    const people = new People(system);
    afterEach(() => people.leave());

    test("uploaded, sent, and downloaded by the other: the same bytes, as an attachment, whole or in part", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const bytes = randomBytes(3_000_000);
      const file = await ann.client.files.upload('Ferien "2026" 🏖.bin', new Blob([bytes], { type: "application/octet-stream" }));
      expect(file).toMatchObject({ name: 'Ferien "2026" 🏖.bin', size: bytes.length, type: "application/octet-stream" });
      expect(await refusal(bob.client.files.download(file.id))).toMatchObject(NOT_FOUND);
      await sendFile(ann, bob.id, file.id, bob);
      const response = await bob.client.files.download(file.id);
      expect(response.headers.get("content-type")).toBe("application/octet-stream");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="Ferien _2026_/);
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
      const part = await bob.client.files.download(file.id, { start: 1_000_000, end: 1_000_009 });
      expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 1000000-1000009/3000000"]);
      expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(1_000_000, 1_000_010))).toBe(true);
      expect(await refusal(bob.client.files.download(file.id, { start: bytes.length }))).toMatchObject({ code: 875, status: 416 });
      const outside = await fetch(new URL(`/v1/files/${file.id}`, bob.apiUrl), {
        headers: { authorization: `Bearer ${bob.client.accessToken}`, range: `bytes=${bytes.length}-` },
      });
      expect([outside.status, outside.headers.get("content-range")]).toEqual([416, `bytes */${bytes.length}`]);
      // Its owner has it on every device.
      const phone = people.add(await ann.device());
      expect((await phone.client.files.download(file.id)).status).toBe(200);
    });

    test("a picture has thumbnails, and knows its size", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const file = await ann.client.files.upload("a.png", pngFile(1_000, 500));
      expect(file).toMatchObject({ width: 1_000, height: 500 });
      await sendFile(ann, bob.id, file.id, bob);
      for (const size of [128, 320, 640] as const) {
        const first = await bob.client.files.thumbnail(file.id, size);
        expect(first.type).toBe("image/webp");
        const bytes = Buffer.from(await first.arrayBuffer());
        expect(bytes.toString("latin1", 8, 12)).toBe("WEBP");
        // Made once: whoever asks again gets the same one.
        const again = await ann.client.files.thumbnail(file.id, size);
        expect(Buffer.from(await again.arrayBuffer()).equals(bytes)).toBe(true);
      }
      expect((await ann.call("GET", `/v1/files/${file.id}/thumbnail?size=1000`)).status).toBe(400);
      const other = await ann.client.files.upload("a.txt", new Blob(["hello"], { type: "text/plain" }));
      expect(await refusal(ann.client.files.thumbnail(other.id, 128))).toMatchObject({ code: 871, status: 415 });
    });

    test("in a group: members have it, who comes later has what was sent after, who goes has it no longer", async () => {
      const [ann, bob, cat, dan] = await Promise.all(["ann", "bob", "cat", "dan"].map((name) => people.online(name)));
      if (!ann || !bob || !cat || !dan) throw new Error("four people");
      const group = await ann.client.groups.create("flock", [bob.id]);
      const early = await ann.client.files.upload("early.png", pngFile(10, 10));
      await sendFile(ann, group.id, early.id, bob);
      expect((await bob.client.files.download(early.id)).status).toBe(200);
      await ann.client.groups.add(group.id, [cat.id]);
      const late = await bob.client.files.upload("late.png", pngFile(20, 20));
      await sendFile(bob, group.id, late.id, ann, cat);
      expect((await cat.client.files.thumbnail(late.id, 128)).size).toBeGreaterThan(0);
      for (const refused of [
        () => cat.client.files.download(early.id),
        () => dan.client.files.download(late.id),
        () => dan.client.files.thumbnail(late.id, 128),
      ]) {
        expect(await refusal(refused())).toMatchObject(NOT_FOUND);
      }
      expect((await cat.client.files.download(late.id)).status).toBe(200);
      await ann.client.groups.remove(group.id, cat.id);
      expect(await refusal(cat.client.files.download(late.id))).toMatchObject(NOT_FOUND);
    });

    test("one sends only what one may read oneself: passing on works, guessing does not", async () => {
      const [ann, bob, cat] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cat")]);
      const file = await ann.client.files.upload("a.png", pngFile(10, 10));
      const send = (from: Person, fileId: string): Promise<unknown> =>
        refusal(
          from.client.messages.send({ to: cat.id, payload: { msg_type: "custom", file_id: fileId }, client_msg_id: newClientMsgId() }),
        );
      expect(await send(bob, file.id)).toMatchObject(NOT_FOUND);
      expect(await send(bob, "F11111111111111")).toMatchObject(NOT_FOUND);
      expect(await refusal(cat.client.files.download(file.id))).toMatchObject(NOT_FOUND);
      const unfinished = await ann.client.files.create({ name: "b.png", size: 100, type: "image/png" });
      expect(await send(ann, unfinished.id)).toMatchObject(NOT_FOUND);
      await sendFile(ann, bob.id, file.id, bob);
      const passedOn = await sendFile(bob, cat.id, file.id, cat);
      expect((await cat.client.files.download(file.id)).status).toBe(200);
      // A recalled message shows nothing any more, its file included; another one that shows it still does.
      await bob.client.messages.recall(passedOn);
      expect(await refusal(cat.client.files.download(file.id))).toMatchObject(NOT_FOUND);
      expect((await bob.client.files.download(file.id)).status).toBe(200);
    });

    test("recalled, its files are free for the clean-up; deleted for oneself, alone or with the dialog, one has them no longer", async () => {
      const [ann, bob, cat] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cat")]);
      const file = await ann.client.files.upload("a.png", pngFile(10, 10));
      const first = await sendFile(ann, bob.id, file.id, bob);
      const second = await sendFile(ann, bob.id, file.id, bob);
      await sendFile(ann, cat.id, file.id, cat);
      const reads = async (person: Person): Promise<boolean> => (await person.call("GET", `/v1/files/${file.id}`)).status === 200;
      await bob.client.messages.deleteForMe(first);
      expect(await reads(bob)).toBe(true);
      await bob.client.messages.deleteForMe(second);
      expect([await reads(bob), await reads(cat), await reads(ann)]).toEqual([false, true, true]);
      const third = await sendFile(ann, bob.id, file.id, bob);
      expect(await reads(bob)).toBe(true);
      await bob.client.dialogs.remove(ann.id);
      expect([await reads(bob), await reads(cat)]).toEqual([false, true]);

      const { files } = system().store;
      const other = await ann.client.files.upload("b.png", pngFile(10, 10));
      const sent = await sendFile(ann, bob.id, other.id, bob);
      expect((await files.refs(other.id, bob.id, 1)).length).toBe(1);
      const held = (await files.get([other.id]))[0]?.expiresAt ?? 0;
      await ann.client.messages.recall(sent);
      expect(await files.refs(other.id, bob.id, 1)).toEqual([]);
      // From seven days down to an hour.
      const left = (await files.get([other.id]))[0]?.expiresAt ?? 0;
      expect(held - left).toBeGreaterThan(6 * 86_400_000);
      await ann.client.messages.recall(third);
      expect(await files.refs(file.id, ann.id, 10)).toHaveLength(3);
    });

    test("a picture of one's own is one's avatar: for everybody but who is cut off by a block, until there is another one", async () => {
      const [ann, bob, cat] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cat")]);
      const [first, second] = [
        await ann.client.files.upload("1.png", pngFile(10, 10)),
        await ann.client.files.upload("2.png", pngFile(20, 20)),
      ];
      const reads = async (person: Person, id: string): Promise<boolean> => (await person.call("GET", `/v1/files/${id}`)).status === 200;
      expect(await reads(bob, first.id)).toBe(false);
      await ann.client.users.updateMe({ avatar: first.id });
      expect((await bob.client.users.get(ann.id)).avatar).toBe(first.id);
      expect(await reads(bob, first.id)).toBe(true);
      expect((await bob.client.files.thumbnail(first.id, 128)).type).toBe("image/webp");
      // Shown is not given: nobody sends it on as a file.
      expect(await refusal(bob.client.messages.send({ to: cat.id, payload: { msg_type: "custom", file_id: first.id } }))).toMatchObject(
        NOT_FOUND,
      );
      await ann.client.blocks.add(bob.id);
      await eventually("bob does not see it any more", async () => !(await reads(bob, first.id)));
      expect(await reads(cat, first.id)).toBe(true);
      await ann.client.users.updateMe({ avatar: second.id });
      expect([await reads(cat, first.id), await reads(cat, second.id)]).toEqual([false, true]);
      expect([await system().store.files.holders(first.id, 9), await system().store.files.holders(second.id, 9)]).toEqual([[], [ann.id]]);
      await ann.client.users.updateMe({ avatar: "" });
      expect(await reads(cat, second.id)).toBe(false);

      const text = await ann.client.files.upload("a.txt", new Blob(["hello"], { type: "text/plain" }));
      expect(await refusal(ann.client.users.updateMe({ avatar: text.id }))).toMatchObject({ code: 871, status: 415 });
      const foreign = await cat.client.files.upload("c.png", pngFile(10, 10));
      for (const avatar of [foreign.id, "F11111111111111", "Fx"]) {
        expect(await refusal(ann.client.users.updateMe({ avatar }))).toMatchObject(NOT_FOUND);
      }
    });

    test("a group's avatar is for its members, also when it goes on as a supergroup", async () => {
      const [ann, bob, cat] = await Promise.all([people.online("ann"), people.online("bob"), people.online("cat")]);
      const file = await ann.client.files.upload("1.png", pngFile(10, 10));
      const group = await ann.client.groups.create("flock", [bob.id]);
      const reads = async (person: Person): Promise<boolean> => (await person.call("GET", `/v1/files/${file.id}`)).status === 200;
      expect(await refusal(bob.client.groups.update(group.id, { avatar: file.id }))).toMatchObject({ status: 403 });
      await ann.client.groups.update(group.id, { avatar: file.id });
      expect([await reads(bob), await reads(cat)]).toEqual([true, false]);
      await ann.client.groups.updateMember(group.id, bob.id, { role: "admin" });
      // It is the group's already: another admin may say so again, but not make it another group's.
      await bob.client.groups.update(group.id, { avatar: file.id, title: "flocks" });
      const own = await bob.client.groups.create("mine", [cat.id]);
      expect(await refusal(bob.client.groups.update(own.id, { avatar: file.id }))).toMatchObject(NOT_FOUND);
      const supergroup = await ann.client.groups.upgrade(group.id);
      await eventually("bob sees it in the supergroup", () => reads(bob));
      expect((await system().store.files.holders(file.id, 9)).sort()).toEqual([group.id, supergroup].sort());
      expect(await reads(cat)).toBe(false);
    });

    test("another's upload cannot be completed, an upload that did not come neither; completing twice is once", async () => {
      const [ann, bob] = await Promise.all([people.online("ann"), people.online("bob")]);
      const bytes = png(10, 10);
      const upload = await ann.client.files.create({ name: "a.png", size: bytes.length, type: "image/png" });
      expect(await refusal(bob.client.files.complete(upload.id))).toMatchObject(NOT_FOUND);
      expect(await refusal(ann.client.files.complete(upload.id))).toMatchObject({ code: 873, status: 409 });
      expect((await put(ann, upload, bytes)).status).toBe(200);
      const [first, second] = await Promise.all([ann.client.files.complete(upload.id), ann.client.files.complete(upload.id)]);
      expect(second).toEqual(first);
      // The URL is still good, but leads to nothing any more.
      await put(ann, upload, png(20, 20).subarray(0, bytes.length));
      expect(await ann.client.files.complete(upload.id)).toEqual(first);
      const got = await ann.client.files.download(upload.id);
      expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    });

    test("content that is not what it says: refused by its first bytes; SVG and HTML are no pictures", async () => {
      const ann = await people.online("ann");
      const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
      const html = Buffer.from("<!doctype html><script>alert(1)</script>");
      const type = { code: 871, status: 415 };
      for (const bytes of [svg, html, Buffer.from("GIF98a"), png(9, 9).subarray(1)]) {
        for (const claimed of ["image/png", "image/jpeg", "image/gif", "image/webp"]) {
          expect(await tryUpload(ann, claimed, bytes), claimed).toMatchObject(type);
        }
      }
      for (const claimed of ["video/mp4", "audio/mpeg", "application/pdf", "application/zip"]) {
        expect(await tryUpload(ann, claimed, html)).toMatchObject(type);
      }
      expect(await tryUpload(ann, "text/plain", Buffer.from([1, 2, 3, 0]))).toMatchObject(type);
      for (const claimed of ["image/svg+xml", "text/html", "application/xhtml+xml", "text/javascript", "nonsense", "image/png; x=y"]) {
        expect(await refusal(ann.client.files.create({ name: "x", size: 9, type: claimed })), claimed).toMatchObject(type);
      }
    });

    test("names that lead elsewhere or end early, 0 bytes, too many bytes: refused at once", async () => {
      const ann = await people.online("ann");
      const create = (over: object): Promise<unknown> =>
        refusal(ann.client.files.create({ name: "x", size: 9, type: "image/png", ...over }));
      for (const name of ["../../etc/passwd", "..", ".", "a/b", "a\\b", "a\0.png", "a\n.png", "", "\u202egnp.exe", "x".repeat(256)]) {
        expect(await create({ name }), JSON.stringify(name)).toMatchObject({ code: 400, status: 400 });
      }
      for (const size of [0, -1, 1.5, "9", null]) expect(await create({ size })).toMatchObject({ code: 400, status: 400 });
      expect(await create({ size: 20_000_001 })).toMatchObject({ code: 872, status: 413 });
      expect(await create({ size: 100_000_001, type: "video/mp4" })).toMatchObject({ code: 872, status: 413 });
    });

    test("more or fewer bytes than were announced, or a connection that breaks off: nothing is there", async () => {
      const ann = await people.online("ann");
      const bytes = png(50, 50);
      for (const size of [bytes.length - 1, bytes.length + 1]) {
        expect(await tryUpload(ann, "image/png", bytes, size)).toMatchObject({ code: 873 });
      }
      const upload = await ann.client.files.create({ name: "x", size: 100_000, type: "image/png" });
      await new Promise<void>((resolve) => {
        const url = new URL(upload.upload_url, ann.apiUrl);
        const req = request(url, { method: "PUT", headers: { ...upload.headers, "content-length": 100_000 } });
        req.on("error", () => resolve());
        req.on("response", () => resolve());
        req.write(bytes, () => setImmediate(() => req.destroy(new Error("the client has gone"))));
      });
      expect(await refusal(ann.client.files.complete(upload.id))).toMatchObject({ code: 873 });
    });

    test("a picture that is cut off inside, or of too many pixels, is refused; an archive is never unpacked", async () => {
      const ann = await people.online("ann");
      const big = png(30_000, 30_000);
      expect(big.length).toBeLessThan(200_000);
      expect(await tryUpload(ann, "image/png", big)).toMatchObject({ code: 872, status: 413 });
      expect(await tryUpload(ann, "image/png", png(50, 50).subarray(0, 20))).toMatchObject({ code: 874, status: 400 });
      const zip = Buffer.concat([Buffer.from("PK\x03\x04"), deflateRawSync(Buffer.alloc(50_000_000))]);
      const file = await ann.client.files.upload("bomb.zip", new Blob([zip], { type: "application/zip" }));
      const response = await ann.client.files.download(file.id);
      expect(response.headers.get("content-encoding")).toBeNull();
      expect((await response.arrayBuffer()).byteLength).toBe(zip.length);
      expect(await refusal(ann.client.files.thumbnail(file.id, 128))).toMatchObject({ code: 871 });
    });
  });
};
