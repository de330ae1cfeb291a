import type { Engine, EngineHandle, StartOptions } from "./process.mjs";

export type { EngineHandle, StartOptions };
export declare const minio: Engine;
/** Starts the engine in a folder, or finds it running there. Resolves when it serves. @throws when it is not installed */
export declare const start: (options: StartOptions) => Promise<EngineHandle>;
/** The engine that was started in this folder before; undefined if there was none. */
export declare const attach: (options: { dir: string }) => EngineHandle | undefined;
/** Why it cannot be started on this machine, or undefined. */
export declare const missing: () => string | undefined;
/** Whether MinIO can be started without building it first. */
export declare const minioPresent: () => boolean;
/** Builds MinIO with Go, once. @throws when Go is missing or fails */
export declare const ensureMinio: () => void;
