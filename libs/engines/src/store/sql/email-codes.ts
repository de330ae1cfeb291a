import type { EmailCodes } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted } from "./errors.js";
import { numberOf, textOf } from "./rows.js";
import { type Insertion, withSession } from "./session.js";

const insertCode: Insertion = {
  table: "email_codes",
  columns: ["email", "purpose", "hash", "expires_at", "wrong"],
  key: ["email", "purpose"],
  existing: { hash: "set", expires_at: "set", wrong: "set" },
};

export const createEmailCodes = ({ dialect, writes, readDb, writeDb }: SqlContext): EmailCodes => ({
  async put({ email, purpose, hash, expiresAt }) {
    await retryAborted(() =>
      withSession(writes, (session) => session.write([{ insert: insertCode, rows: () => [[email, purpose, hash, expiresAt, 0]] }])),
    );
  },

  use(email, purpose, hash, now, tries) {
    return retryAborted(() =>
      writeDb.transaction().execute(async (tx) => {
        const code = await tx
          .selectFrom("email_codes")
          .select(["hash", "expires_at", "wrong"])
          .where("email", "=", email)
          .where("purpose", "=", purpose)
          .$if(dialect.rowLocks, (query) => query.forUpdate())
          .executeTakeFirst();
        if (!code) return false;
        const good = textOf(code.hash) === hash && numberOf(code.expires_at) > now;
        const wrong = numberOf(code.wrong) + 1;
        if (good || wrong >= tries) await tx.deleteFrom("email_codes").where("email", "=", email).where("purpose", "=", purpose).execute();
        else await tx.updateTable("email_codes").set({ wrong }).where("email", "=", email).where("purpose", "=", purpose).execute();
        return good;
      }),
    );
  },

  async removeExpired(before, limit) {
    const ended = await readDb
      .selectFrom("email_codes")
      .select(["email", "purpose"])
      .where("expires_at", "<", before)
      .orderBy("expires_at")
      .limit(limit)
      .execute();
    let removed = 0;
    for (const { email, purpose } of ended) {
      const { numDeletedRows } = await writeDb
        .deleteFrom("email_codes")
        .where("email", "=", email)
        .where("purpose", "=", purpose)
        .where("expires_at", "<", before)
        .executeTakeFirstOrThrow();
      removed += Number(numDeletedRows);
    }
    return removed;
  },
});
