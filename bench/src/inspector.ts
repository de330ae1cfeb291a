import { sleep } from "@dunlin/runtime";
import { BareWebSocket } from "./load/websocket.js";

/** What a process's collector and allocator account for, bytes (Node's process.memoryUsage()). */
export interface MemoryUse {
  readonly rss: number;
  readonly heapTotal: number;
  readonly heapUsed: number;
  readonly external: number;
}

interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: string } };
}

const OPEN_MS = 5_000;

/**
 * Makes a Node process collect all its garbage, then asks what is left. The process was started with
 * `--inspect-port=<port>`; its inspector sleeps until the first SIGUSR1, so nothing in the product knows of this.
 */
export const collect = async (pid: number, port: number): Promise<MemoryUse> => {
  const url = await inspectorUrl(pid, port);
  const waiting = new Map<number, (answer: Answer) => void>();
  let closed: ((error: Error) => void) | undefined;
  const gone = new Promise<never>((_, reject) => {
    closed = reject;
  });
  const socket = new BareWebSocket({
    onFrame: (text) => {
      const answer = JSON.parse(text) as Answer;
      if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
    },
    onClose: () => closed?.(new Error("the inspector closed")),
  });
  await socket.open(url);
  let id = 0;
  const ask = (method: string, params = ""): Promise<Answer> => {
    id += 1;
    const answer = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    socket.send(`{"id":${id},"method":"${method}"${params}}`);
    return Promise.race([answer, gone]);
  };
  try {
    // What the first collection finalises the second one frees.
    for (let round = 0; round < 3; round++) await ask("HeapProfiler.collectGarbage");
    const use = await ask("Runtime.evaluate", ',"params":{"expression":"JSON.stringify(process.memoryUsage())"}');
    return JSON.parse(use.result?.result?.value ?? "") as MemoryUse;
  } finally {
    gone.catch(() => undefined);
    socket.close();
  }
};

const inspectorUrl = async (pid: number, port: number): Promise<string> => {
  process.kill(pid, "SIGUSR1");
  const deadline = Date.now() + OPEN_MS;
  for (;;) {
    try {
      const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { webSocketDebuggerUrl: string }[];
      const url = targets[0]?.webSocketDebuggerUrl;
      if (url !== undefined) return url;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(50);
  }
};
