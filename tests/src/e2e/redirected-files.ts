import { afterEach, describe, expect, test } from "vitest";
import { People } from "../support/person.js";
import { pngFile } from "../support/pictures.js";
import { shape } from "../support/shape.js";
import { startSuiteSystem } from "../support/suite-system.js";

/** Downloads as redirects to where the blobs are: a system of its own, set so. */
export const redirectedFileScenarios = (): void => {
  describe("files by redirect", () => {
    const people = new People(shape(() => startSuiteSystem({ IM_FILES_DOWNLOAD: "redirect" })));
    afterEach(() => people.leave());

    test("a download leads to a signed URL that is good for this file, to whoever has it; without its signature to nobody", async () => {
      const [ann, bob] = await Promise.all([people.registered("ann"), people.registered("bob")]);
      const picture = pngFile(30, 20);
      const { id } = await ann.client.files.upload("a.png", picture);
      const response = await ann.client.files.download(id);
      expect(response.redirected).toBe(true);
      expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="a.png"/);
      expect(await response.arrayBuffer()).toEqual(await picture.arrayBuffer());
      await expect(bob.client.files.download(id)).rejects.toMatchObject({ code: 870 });
      expect((await fetch(response.url)).status).toBe(200);
      expect((await fetch(response.url.slice(0, -1))).status).toBe(403);
    });
  });
};
