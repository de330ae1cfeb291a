import { isIP } from "node:net";
import { fileURLToPath } from "node:url";
import { protoFolder } from "@dunlin/proto";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";

/** A message that is longer is refused (RESOURCE_EXHAUSTED) before it is read. */
const MESSAGE_BYTES = 4 * 1024 * 1024;
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
const IDLE_MS = 30 * 60_000;

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** `host:port`, with an IPv6 address in brackets. */
export const hostPort = (host: string, port: number): string => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

export const createGrpcServer = (streamsMax: number): Server =>
  new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.max_concurrent_streams": streamsMax,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.max_connection_idle_ms": IDLE_MS,
    "grpc.enable_channelz": 0,
  });

/** Adds the reflection service, which describes the interface from the .proto files. */
export const addReflection = (server: Server): void => {
  const definition = loadSync("dunlin/sys/v1/sys.proto", { includeDirs: [fileURLToPath(protoFolder)] });
  new ReflectionService(definition).addToServer(server);
};

/** Listens without TLS (the credential is a signed token). @returns the port. @throws Error naming the address and the setting. */
export const listen = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.bindAsync(hostPort(host, port), ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else
        reject(new Error(`cannot listen for gRPC on ${hostPort(host, port)} (IM_HOST, IM_GRPC_PORT): ${error.message}`, { cause: error }));
    });
  });
