import { createHash, randomBytes } from "node:crypto";
import type { Cache } from "@dunlin/engines/cache";
import type { CodePurpose, SessionRow, UserRow } from "@dunlin/engines/store";
import { AppError, type Clock, type Logger } from "@dunlin/runtime";
import { type CloseOrder, publishControl } from "./control.js";
import type { EmailCodes } from "./email-codes.js";
import type { RequestStore } from "./guarded-store.js";
import { newId } from "./ids.js";
import type { Passwords } from "./passwords.js";
import type { Tokens } from "./tokens.js";

export interface AccountsDeps {
  readonly store: Pick<RequestStore, "users" | "sessions">;
  readonly cache: Cache;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** Missing where nobody registers or resets with a code. */
  readonly emailCodes?: Pick<EmailCodes, "use">;
  /** Life of a refresh token that is not used, days. */
  readonly refreshTtlDays: number;
}

/** A login: the session and its tokens. */
export interface Issued {
  readonly userId: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds until the access token expires. */
  readonly expiresIn: number;
}

/** An e-mail address in small letters, and the code that was sent to it. */
export interface EmailProof {
  readonly email: string;
  readonly code: string;
}

export interface Device {
  readonly deviceId: string;
  readonly platform: string;
}

const DAY_MS = 86_400_000;
/** For so long a refresh token can be traded again: mobile networks lose answers, and the client has nothing else to ask with. */
const REFRESH_GRACE_MS = 30_000;
const hashOf = (refreshToken: string): string => createHash("sha256").update(refreshToken).digest("hex");

/** Users, their sessions and tokens: one place for apisvc and syssvc. */
export class Accounts {
  constructor(private readonly deps: AccountsDeps) {}

  /**
   * Creates a user, with the address that a code shows to be theirs.
   * @throws AppError ACCOUNT_TAKEN; CODE_WRONG, also when the address has an account: only its owner may know
   */
  async create(account: string, password: string, nickname: string, proof?: EmailProof): Promise<UserRow> {
    const { store, passwords, clock } = this.deps;
    if (proof) {
      // Before the code is used up: another name can be tried with it.
      if (await store.users.byAccount(account)) throw new AppError("ACCOUNT_TAKEN");
      await this.#use(proof, "register");
    }
    const user: UserRow = {
      id: newId("U"),
      account,
      passwordHash: await passwords.hash(password),
      nickname,
      avatar: "",
      createdAt: clock.now(),
    };
    await store.users.create(user, proof?.email).catch((error: unknown) => {
      throw proof && error instanceof AppError && error.code === "CONFLICT"
        ? new AppError("CODE_WRONG", undefined, { cause: error })
        : error;
    });
    return user;
  }

  /** Replaces a password by virtue of a code, and ends every session of the user. @throws AppError CODE_WRONG, also when nobody has the address */
  async resetPassword(email: string, code: string, password: string): Promise<void> {
    const { store, passwords } = this.deps;
    await this.#use({ email, code }, "reset");
    const user = await store.users.byEmail(email);
    if (!user) throw new AppError("CODE_WRONG");
    await store.users.setPassword(user.id, await passwords.hash(password));
    await this.revoke(user.id, undefined);
  }

  async #use({ email, code }: EmailProof, purpose: CodePurpose): Promise<void> {
    const { emailCodes } = this.deps;
    if (!emailCodes) throw new AppError("FORBIDDEN", "no codes are taken here");
    await emailCodes.use(email, purpose, code);
  }

  /** @throws AppError ACCOUNT_DEACTIVATED; CREDENTIALS_WRONG, the same for a wrong account and a wrong password and after the same time. */
  async login(account: string, password: string, device: Device): Promise<{ user: UserRow; issued: Issued }> {
    const user = await this.deps.store.users.byAccount(account);
    const fits = await this.deps.passwords.verify(user?.passwordHash, password);
    if (!user || !fits) throw new AppError("CREDENTIALS_WRONG");
    return { user, issued: await this.issue(user.id, device) };
  }

  /** Opens a session for a user; the device's earlier session ends and its connection is closed as replaced. @throws AppError NOT_FOUND, ACCOUNT_DEACTIVATED */
  async issue(userId: string, device: Device): Promise<Issued> {
    const { store, tokens, clock } = this.deps;
    const now = clock.now();
    const sessionId = randomBytes(15).toString("base64url");
    const refreshToken = tokens.issueRefresh(sessionId);
    const session: SessionRow = {
      id: sessionId,
      userId,
      deviceId: device.deviceId,
      platform: device.platform,
      refreshHash: hashOf(refreshToken),
      createdAt: now,
      lastUsedAt: now,
      expiresAt: this.#refreshEnd(now),
      revokedAt: null,
    };
    const replaced = await store.sessions.open(session);
    if (replaced.length > 0) await this.#announce({ kind: "close", userId, sessionIds: replaced, close: "REPLACED", revoked: true });
    // Asked for now: whoever deactivates the user from here on ends this session too.
    const [user] = await store.users.get([userId]);
    if (!user || user.deactivatedAt !== undefined) {
      await this.revoke(userId, [sessionId]);
      throw new AppError(user ? "ACCOUNT_DEACTIVATED" : "NOT_FOUND");
    }
    return this.#issued(session, refreshToken);
  }

  /** Lets nobody in as this user any more, and ends its sessions; or lets it in again. @throws AppError NOT_FOUND */
  async setActive(userId: string, active: boolean): Promise<UserRow> {
    const { store, clock } = this.deps;
    await store.users.deactivate(userId, active ? undefined : clock.now());
    if (!active) await this.revoke(userId, undefined);
    const [user] = await store.users.get([userId]);
    if (!user) throw new AppError("NOT_FOUND");
    return user;
  }

  /**
   * Trades a refresh token for new tokens. For 30 s, and until what it was traded for is used, it can be traded again,
   * and only the newest answer counts. Any other token that was traded before ends its session: either its owner or a
   * thief holds a copy, and nobody can tell which. A thief who is quick enough for the 30 s is found out by the next
   * refresh of the other.
   * @throws AppError TOKEN_INVALID (unknown, ended), TOKEN_EXPIRED, REFRESH_REUSED
   */
  async refresh(refreshToken: string): Promise<Issued> {
    const { store, tokens, clock } = this.deps;
    const sessionId = tokens.refreshSession(refreshToken);
    const session = await store.sessions.get(sessionId);
    if (!session || session.revokedAt !== null) throw new AppError("TOKEN_INVALID");
    const now = clock.now();
    if (session.expiresAt <= now) throw new AppError("TOKEN_EXPIRED");
    const next = tokens.issueRefresh(sessionId);
    const rotated = await store.sessions.rotate(sessionId, {
      from: hashOf(refreshToken),
      to: hashOf(next),
      usedAt: now,
      expiresAt: this.#refreshEnd(now),
      graceMs: REFRESH_GRACE_MS,
    });
    if (!rotated) {
      await this.revoke(session.userId, [sessionId]);
      throw new AppError("REFRESH_REUSED");
    }
    return this.#issued(session, next);
  }

  /** Ends sessions of a user (all when `sessionIds` is undefined) and closes their connections. @returns the ids that were active. */
  async revoke(userId: string, sessionIds: readonly string[] | undefined): Promise<string[]> {
    const ended = await this.deps.store.sessions.revoke(userId, sessionIds, this.deps.clock.now());
    if (ended.length > 0) await this.#announce({ kind: "close", userId, sessionIds: ended, close: "KICKED", revoked: true });
    return ended;
  }

  async #issued(session: SessionRow, refreshToken: string): Promise<Issued> {
    const { tokens } = this.deps;
    const { id: sessionId, userId, deviceId, platform } = session;
    const accessToken = await tokens.issueAccess({ userId, sessionId, deviceId, platform });
    return { userId, sessionId, accessToken, refreshToken, expiresIn: tokens.accessTtlS };
  }

  #refreshEnd(now: number): number {
    return now + this.deps.refreshTtlDays * DAY_MS;
  }

  /** The store already has it; without pub/sub the connection lives until its next check. */
  async #announce(order: CloseOrder): Promise<void> {
    try {
      await publishControl(this.deps.cache, order);
    } catch (error) {
      this.deps.logger.warn({ err: error, user_id: order.userId }, "close order not published");
    }
  }
}
