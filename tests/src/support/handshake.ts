import { request } from "node:http";

export interface HandshakeAnswer {
  status: number;
  body: string;
  retryAfter: string | undefined;
}

export interface HandshakeCall {
  /** ws://… address of the gateway. */
  url: string;
  query?: Record<string, string>;
  method?: string;
  /** Header fields over those of a good handshake; undefined takes one out. */
  headers?: Record<string, string | undefined>;
}

const GOOD = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": "text",
};

/** An upgrade request by hand; a connection that is let in is closed at once. */
export const handshake = ({ url, query = {}, method = "GET", headers = {} }: HandshakeCall): Promise<HandshakeAnswer> =>
  new Promise((resolve, reject) => {
    const target = new URL(url.replace(/^ws/, "http"));
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
    const sent = Object.fromEntries(Object.entries({ ...GOOD, ...headers }).filter(([, value]) => value !== undefined));
    const req = request(target, { method, headers: sent as Record<string, string>, timeout: 10_000 });
    req.on("upgrade", (res, socket) => {
      socket.destroy();
      resolve({ status: res.statusCode ?? 0, body: "", retryAfter: undefined });
    });
    req.on("response", (res) => {
      let body = "";
      res.setEncoding("utf8");
      res.on("data", (chunk: string) => {
        body += chunk;
      });
      res.on("end", () => resolve({ status: res.statusCode ?? 0, body, retryAfter: res.headers["retry-after"] }));
    });
    req.on("timeout", () => req.destroy(new Error("no answer to the handshake")));
    req.on("error", reject);
    req.end();
  });
