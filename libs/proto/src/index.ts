export * from "./close-codes.js";
export * from "./errors.js";
export * as queue from "./gen/dunlin/queue/v1/queue.js";
export * as sys from "./gen/dunlin/sys/v1/sys.js";
export * from "./topics.js";

/** Folder of the .proto files, for the reflection service. */
export const protoFolder = new URL("../proto/", import.meta.url);
