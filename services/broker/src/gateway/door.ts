import type { AccessClaims } from "@dunlin/domain";
import { AppError } from "@dunlin/runtime";
import type { GatewayContext } from "../context.js";
import type { RecentOrders } from "./control.js";
import { connectionsByDescriptors } from "./descriptors.js";
import type { Directory } from "./directory.js";
import type { SessionCheck } from "./session-check.js";

/** Who is let in, and when nobody is. */
export class Door {
  /** Going away: nobody is let in any more. */
  draining = false;
  /** The slot is somebody else's for good. */
  slotGone = false;
  /** The deliveries topic is followed: what is delivered from now on arrives. */
  positioned = false;
  #maxConnections: number;

  constructor(
    private readonly ctx: Pick<GatewayContext, "config" | "lease" | "logger" | "tokens">,
    private readonly directory: Directory,
    private readonly recent: RecentOrders,
    private readonly sessions: SessionCheck,
  ) {
    this.#maxConnections = ctx.config.IM_WS_MAX_CONNECTIONS;
  }

  /** Lowers the number of connections to what the process's file descriptors allow. */
  async measure(): Promise<void> {
    const { config, logger } = this.ctx;
    const allowed = await connectionsByDescriptors();
    this.#maxConnections = Math.min(config.IM_WS_MAX_CONNECTIONS, allowed);
    if (allowed < config.IM_WS_MAX_CONNECTIONS) {
      logger.warn({ connections: allowed }, "the file-descriptor limit allows fewer connections than configured");
    }
  }

  /** Why this gateway can serve nobody now; undefined: it can. Being full is healthy. */
  get unready(): string | undefined {
    if (this.draining) return "this gateway is going away";
    if (this.slotGone || !this.ctx.lease.valid) return "this gateway holds no slot";
    if (!this.positioned) return "this gateway is not ready";
    return undefined;
  }

  /** Why no connection is taken now. @param others handshakes under way */
  closed(others: number): string | undefined {
    return this.unready ?? (this.directory.size + others >= this.#maxConnections ? "too many connections" : undefined);
  }

  /** The claims of a token that is good and whose session is. @throws AppError */
  async check(token: string): Promise<AccessClaims> {
    const claims = await this.ctx.tokens.verifyAccess(token, false);
    if (this.recent.revoked(claims.userId, claims.sessionId)) throw new AppError("TOKEN_INVALID");
    if (!(await this.sessions.active(claims.userId, claims.sessionId))) throw new AppError("TOKEN_INVALID");
    return claims;
  }

  /** Why this user's device is not let in now. */
  closedFor(claims: AccessClaims): string | undefined {
    const others = this.directory.of(claims.userId).filter((connection) => connection.deviceId !== claims.deviceId);
    return others.length >= this.ctx.config.IM_WS_USER_CONNECTIONS ? "too many connections of this user" : undefined;
  }
}
