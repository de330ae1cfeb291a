type Handler<E> = { handle(event: E): void }["handle"] | null;

/** What is needed of a WebSocket: the browser's, Node's (22 and later) and that of the package `ws` all fit. */
export interface Socket {
  onopen: Handler<unknown>;
  onmessage: Handler<{ readonly data: unknown }>;
  onclose: Handler<{ readonly code: number; readonly reason: string }>;
  onerror: Handler<unknown>;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** The platform's own WebSocket, undefined where there is none (Node 20). */
export const globalSocket = (): SocketConstructor | undefined => (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
