import { type IncomingHttpHeaders, request } from "node:http";
import { hear } from "./answers.js";

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A request as written: no header is added or corrected; an empty header is left out. */
export const rawRequest = (
  url: string,
  { method, headers, body }: { method: string; headers: Record<string, string>; body?: string | Buffer },
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
    const framed = "transfer-encoding" in sent || "content-length" in sent || body === undefined;
    const length = framed ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const req = request(url, { method, headers: { ...length, ...sent }, timeout: 10_000 });
    req.on("response", (res) => {
      let text = "";
      res.setEncoding("utf8");
      res.on("data", (chunk: string) => {
        text += chunk;
      });
      res.on("end", () => {
        const { statusCode: status = 0, headers: got } = res;
        hear(url, method, status, got["content-type"], text);
        resolve({ status, headers: got, body: text });
      });
      res.on("error", reject);
    });
    req.on("timeout", () => req.destroy(new Error("no answer")));
    req.on("error", reject);
    req.end(body);
  });
