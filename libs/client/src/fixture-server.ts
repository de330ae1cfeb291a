import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  token: string | undefined;
  body: Record<string, unknown>;
}

/** An answer: [status, code, data, headers]; "reset" breaks the connection. */
export type Answer = [status: number, code: number, data?: unknown, headers?: Record<string, string>] | "reset";

export interface FixtureServer {
  url: string;
  calls: Call[];
  close(): Promise<void>;
}

export interface Script {
  http(call: Call): Answer;
  /** A connection that was let in; every frame the client sends is in `frames`. */
  socket?(socket: WebSocket, query: URLSearchParams): void;
}

/** A server that speaks the public contract by script, to bring about what a good one hardly ever does. */
export const startFixtureServer = async (script: Script): Promise<FixtureServer> => {
  const calls: Call[] = [];
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const url = new URL(req.url ?? "/", "http://fixture");
    let text = "";
    for await (const chunk of req) text += String(chunk);
    const call: Call = {
      method: req.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      token: req.headers.authorization?.replace("Bearer ", ""),
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
    calls.push(call);
    const answer: Answer =
      call.path === "/v1/gateway" ? [200, 0, { urls: [`ws://127.0.0.1:${port()}/ws`], protocols: ["text"] }] : script.http(call);
    if (answer === "reset") {
      req.socket.destroy();
      return;
    }
    const [status, code, data, headers] = answer;
    res.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ code, msg: `code ${code}`, data }));
  };
  const server = createServer((req, res) => void handle(req, res));
  const port = (): number => (server.address() as AddressInfo).port;
  const sockets = new WebSocketServer({ server, path: "/ws" });
  sockets.on("connection", (socket, req) => script.socket?.(socket, new URL(req.url ?? "", "http://fixture").searchParams));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port()}`,
    calls,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
