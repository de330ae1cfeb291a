import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { guarded } from "../../sqlite/exit-guard.js";
import { LogFile } from "./log-file.js";
import type { LogAnswers, LogHello, LogReply, LogRequest, LogWorkerData } from "./protocol.js";

/** The worker's program: owns the log's file, answers requests in their order. */
const serve = (port: MessagePort, { file, flags }: LogWorkerData): void => {
  const guard = guarded(flags);
  const hello = (message: LogHello): void => port.postMessage(message);
  guard(() => {
    try {
      const log = new LogFile(file);
      hello({ ready: true, state: log.state() });
      answer(port, log, guard);
    } catch (error) {
      hello({ ready: false, message: text(error) });
      port.close();
    }
  });
};

const answer = (port: MessagePort, log: LogFile, guard: (work: () => void) => void): void => {
  let bytes = log.bytes();
  const handle = (request: LogRequest): LogAnswers[keyof LogAnswers] => {
    switch (request.kind) {
      case "topics":
        return log.ensureTopics(request.topics);
      case "commit":
        log.commit(request.frame && new Uint8Array(request.frame, 0, request.length), request.offsets);
        return undefined;
      case "read":
        return log.read(request.partitionId, request.from, request.limit, request.maxBytes);
      case "trim": {
        const result = log.trim(request.before);
        bytes = log.bytes();
        return result;
      }
      case "ping":
        return undefined;
      case "close":
        log.close();
        return undefined;
    }
  };
  const one = ({ id, request }: { id: number; request: LogRequest }): void => {
    let reply: LogReply;
    try {
      reply = { id, ok: true, answer: handle(request), bytes };
    } catch (error) {
      reply = { id, ok: false, message: text(error) };
    }
    const buffer = reply.ok && reply.answer instanceof Uint8Array ? (reply.answer.buffer as ArrayBuffer) : undefined;
    port.postMessage(reply, buffer ? [buffer] : []);
    if (request.kind === "close") port.close();
    else if (log.settleDue) {
      try {
        log.settle();
        bytes = log.bytes();
      } catch {
        // Tried again by the next commit, which fails itself when too much is left unsorted.
      }
    }
  };
  port.on("message", (message) => guard(() => one(message)));
};

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));

if (parentPort) serve(parentPort, workerData as LogWorkerData);
