import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, type Clock } from "@dunlin/runtime";
import { z } from "zod";

const TOKEN = /^([\w-]{1,4000})\.([\w-]{43})$/;

const upload = z.strictObject({ op: z.literal("put"), key: z.string(), until: z.number(), size: z.number(), type: z.string() });
const download = z.strictObject({ op: z.literal("get"), key: z.string(), until: z.number(), type: z.string(), name: z.string() });
const claims = z.discriminatedUnion("op", [upload, download]);

type Claims = z.infer<typeof claims>;

/** The key that all processes on one folder sign with; made by the first. */
const folderSecret = async (folder: string): Promise<Buffer> => {
  const path = join(folder, ".secret");
  await mkdir(folder, { recursive: true });
  try {
    const file = await open(path, "wx", 0o600);
    await file.writeFile(randomBytes(32));
    await file.sync();
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const secret = await readFile(path);
  if (secret.length !== 32) throw new Error(`${path} is damaged; delete it and start again`);
  return secret;
};

/** Signed permissions to upload or download one blob, good until a time. */
export class BlobTokens {
  private constructor(
    private readonly secret: Buffer,
    private readonly clock: Pick<Clock, "now">,
  ) {}

  static async open(folder: string, clock: Pick<Clock, "now">): Promise<BlobTokens> {
    return new BlobTokens(await folderSecret(folder), clock);
  }

  sign(permission: Claims): string {
    const text = Buffer.from(JSON.stringify(permission)).toString("base64url");
    return `${text}.${this.#mac(text)}`;
  }

  /** @throws AppError FORBIDDEN when it was not made here, is for something else, or its time is over */
  verify<O extends Claims["op"]>(token: string, op: O): Extract<Claims, { op: O }> {
    const [, text, mac] = TOKEN.exec(token) ?? [];
    if (!text || !mac || !timingSafeEqual(Buffer.from(mac), Buffer.from(this.#mac(text)))) throw new AppError("FORBIDDEN");
    const permission = claims.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    if (permission.op !== op || permission.until <= this.clock.now()) throw new AppError("FORBIDDEN");
    return permission as Extract<Claims, { op: O }>;
  }

  /** As text, and compared as text: bits at its end that say nothing would let a changed token pass. */
  #mac(text: string): string {
    return createHmac("sha256", this.secret).update(text).digest("base64url");
  }
}
