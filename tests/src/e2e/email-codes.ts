import { randomBytes } from "node:crypto";
import { DunlinClient } from "@dunlin/client";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "../support/eventually.js";
import { People } from "../support/person.js";
import type { System } from "../support/system.js";

const PASSWORD = "correct horse battery staple";

/** Registering and coming back with an e-mail address. */
export const emailCodeScenarios = (system: () => System): void => {
  describe("e-mail codes", () => {
    const people = new People(system);
    afterEach(() => people.leave());
    let calls = 0;
    const client = (): DunlinClient => {
      const { apiUrls } = system();
      return new DunlinClient({ server: apiUrls[calls++ % apiUrls.length] as string, WebSocket });
    };
    const newName = (): string => `ann-${randomBytes(5).toString("hex")}`;

    test("register with a code, forget the password, set another: every session ends, the new password is good", async () => {
      const { inbox } = system();
      const [account, device] = [newName(), client()];
      const email = `${account}@Example.org`;
      const address = email.toLowerCase();
      await device.requestEmailCode(email, "register");
      const code = await inbox.codeTo(address);
      await device.register({ account, password: PASSWORD, email, code });
      const again = client();
      await expect(again.register({ account: newName(), password: PASSWORD, email, code })).rejects.toMatchObject({
        status: 400,
        code: 880,
      });
      await client().login({ account, password: PASSWORD });

      await again.requestEmailCode(address, "reset");
      const reset = { email: address, password: "quite another password" };
      const wrong = (await inbox.codeTo(address, 2)) === "000000" ? "111111" : "000000";
      await expect(again.resetPassword({ ...reset, code: wrong })).rejects.toMatchObject({ status: 400, code: 880 });
      await again.resetPassword({ ...reset, code: await inbox.codeTo(address, 2) });
      await eventually("the old session is over", async () =>
        device.users.me().then(
          () => false,
          (error: { status?: number }) => error.status === 401,
        ),
      );
      await expect(client().login({ account, password: PASSWORD })).rejects.toMatchObject({ code: 701 });
      expect(await again.login({ account, password: reset.password })).toMatchObject({ account });
    });

    test("the connection of a session that ended with the password is closed as kicked", async () => {
      const { inbox } = system();
      const [account, device] = [newName(), client()];
      const email = `${account}@example.org`;
      await device.requestEmailCode(email, "register");
      await device.register({ account, password: PASSWORD, email, code: await inbox.codeTo(email) });
      device.start();
      await eventually("online", () => device.sync.state.name === "online");
      await client().requestEmailCode(email, "reset");
      await client().resetPassword({ email, code: await inbox.codeTo(email, 2), password: "quite another password" });
      await eventually("stopped", () => device.sync.state.name === "stopped");
      await device.stop();
    });
  });
};
