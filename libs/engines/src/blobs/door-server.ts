import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { toAppError } from "@dunlin/runtime";
import { attachment, BLOB_DOOR, type BlobDoor } from "./port.js";

/** A door on a port of its own, for the engine's tests; in a running system apisvc serves it. */
export const serveDoor = async (door: () => BlobDoor): Promise<{ origin: string; close: () => Promise<void> }> => {
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const token = (req.url ?? "").slice(BLOB_DOOR.length);
    const length = req.headers["content-length"];
    try {
      if (req.method === "PUT") {
        await door().receive(token, {
          length: length === undefined ? undefined : Number(length),
          type: req.headers["content-type"],
          body: req,
        });
        res.end();
        return;
      }
      const { type, name, body } = await door().open(token);
      res.writeHead(200, { "content-type": type, "content-disposition": attachment(name) });
      await pipeline(body, res);
    } catch (error) {
      if (!res.headersSent) res.writeHead(toAppError(error).info.http, { connection: "close" }).end();
    }
  };
  const server = createServer((req, res) => void serve(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
