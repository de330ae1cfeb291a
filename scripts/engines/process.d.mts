/** A local engine process; it outlives the command that started it. */
export interface EngineHandle {
  readonly name: string;
  /** Where its data, log and state are. */
  readonly dir: string;
  /** The setting its URL goes into, such as IM_REDIS_URL. */
  readonly setting: string;
  /** Undefined when it does not run. */
  readonly pid: number | undefined;
  readonly port: number;
  readonly url: string;
  /** Sends a signal (SIGKILL if none is named); resolves after SIGKILL once it is gone. Nothing happens when it does not run. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Kills it if it runs and starts it again on the same port, with its data or (`wipe`) empty; resolves when it serves. */
  restart(options?: { wipe?: boolean }): Promise<void>;
  /** SIGTERM, and SIGKILL after 20 s; resolves when it is gone. The data stays. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** The engine's own folder, absolute; made if it does not exist. */
  dir: string;
  /** The port it should have; another free one is taken when it is in use. Unset: the one it had before in `dir`, else any. */
  port?: number;
}

export interface Engine {
  readonly name: string;
  readonly setting: string;
  readonly defaultPort: number;
  missing(): string | undefined;
  attach(options: { dir: string }): EngineHandle | undefined;
  start(options: StartOptions): Promise<EngineHandle>;
}
