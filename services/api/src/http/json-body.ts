import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { checkJson } from "@dunlin/domain";
import { AppError } from "@dunlin/runtime";

/** A request body may be this long, bytes. */
export const BODY_BYTES_MAX = 65_536;

const JSON_TYPE = /^application\/json[\t ]*(?:;[\t ]*charset="?([\w-]+)"?[\t ]*)?$/i;

export const hasBody = (req: IncomingMessage): boolean =>
  req.headers["transfer-encoding"] !== undefined || (req.headers["content-length"] ?? "0") !== "0";

/** Thrown when the client goes away in the middle of its request: nobody is left to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/**
 * Reads a request's JSON body. Stricter than a body parser: only application/json in UTF-8 without an encoding, valid
 * UTF-8, and the rules of `checkJson`.
 * @throws AppError UNSUPPORTED_MEDIA, TOO_LARGE, BAD_REQUEST; ClientGone
 */
export const readJson = async (req: IncomingMessage): Promise<unknown> => {
  const type = req.headers["content-type"];
  if (type !== "application/json") {
    const charset = type === undefined ? null : JSON_TYPE.exec(type);
    if (!charset || (charset[1] !== undefined && charset[1].toLowerCase() !== "utf-8")) throw new AppError("UNSUPPORTED_MEDIA");
  }
  if ((req.headers["content-encoding"] ?? "identity") !== "identity") throw new AppError("UNSUPPORTED_MEDIA");
  if (Number(req.headers["content-length"] ?? 0) > BODY_BYTES_MAX)
    throw new AppError("TOO_LARGE", undefined, { details: { max: BODY_BYTES_MAX } });
  const bytes = await readBytes(req);
  if (!isUtf8(bytes)) throw new AppError("BAD_REQUEST", "the body is not UTF-8", { details: { body: "not UTF-8" } });
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError("BAD_REQUEST", "the body is not JSON", { cause, details: { body: "not JSON" } });
  }
  checkJson(text);
  return value;
};

const readBytes = (req: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let ended = false;
    req.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= BODY_BYTES_MAX) chunks.push(chunk);
      else {
        req.pause();
        reject(new AppError("TOO_LARGE", undefined, { details: { max: BODY_BYTES_MAX } }));
      }
    });
    req.on("end", () => {
      ended = true;
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    const gone = (): void => {
      if (!ended) reject(new ClientGone());
    };
    req.on("error", gone);
    req.on("close", gone);
  });
