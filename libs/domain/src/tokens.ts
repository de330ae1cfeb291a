import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import { AppError, type Clock } from "@dunlin/runtime";
import { errors as joseErrors, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";

const ISSUER = "dunlin";
const ACCESS_AUDIENCE = "client";
const SERVICE_AUDIENCE = "sys";
const SERVICE_TTL_S = 300;
const VERIFIED_MAX = 50_000;
const SERVICES_MAX = 1_000;
const REFRESH_TOKEN = /^(([\w-]{1,64})\.[\w-]{32})\.([\w-]{24})$/;

/** Who an access token speaks for. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  readonly deviceId: string;
  readonly platform: string;
  /** ms since 1970 */
  readonly expiresAt: number;
}

/**
 * Signs and verifies tokens: HS256, issuer and audience checked, expiry required. Verified access tokens are kept in a
 * bounded cache so that a token costs one signature check. Whether the session still exists is not known here.
 */
export class Tokens {
  readonly #key: KeyObject;
  readonly #verified: LRUCache<string, AccessClaims>;
  readonly #services = new LRUCache<string, { readonly name: string; readonly expiresAt: number }>({ max: SERVICES_MAX });

  /**
   * @param key at least 32 bytes. @param accessTtlS life of an access token, seconds.
   * @param verifiedMax verified tokens that are remembered, about 500 bytes each
   */
  constructor(
    key: Uint8Array,
    readonly accessTtlS: number,
    private readonly clock: Pick<Clock, "now">,
    verifiedMax = VERIFIED_MAX,
  ) {
    this.#verified = new LRUCache({ max: verifiedMax });
    if (key.byteLength < 32) throw new RangeError("the signing key needs at least 32 bytes");
    this.#key = createSecretKey(key);
  }

  issueAccess(claims: Omit<AccessClaims, "expiresAt">): Promise<string> {
    const now = Math.floor(this.clock.now() / 1000);
    return new SignJWT({ sid: claims.sessionId, did: claims.deviceId, plt: claims.platform })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(claims.userId)
      .setIssuer(ISSUER)
      .setAudience(ACCESS_AUDIENCE)
      .setIssuedAt(now)
      .setExpirationTime(now + this.accessTtlS)
      .sign(this.#key);
  }

  /**
   * @param remember false for a caller that sees a token once (a handshake): 15,000 would be 6 MiB for nothing.
   * @throws AppError TOKEN_INVALID or TOKEN_EXPIRED
   */
  async verifyAccess(token: string, remember = true): Promise<AccessClaims> {
    const known = this.#verified.get(token);
    if (known) {
      if (known.expiresAt <= this.clock.now()) throw new AppError("TOKEN_EXPIRED");
      return known;
    }
    const payload = await this.#verify(token, ACCESS_AUDIENCE, ["exp", "sub", "sid", "did", "plt"]);
    const { sub, sid, did, plt, exp } = payload;
    if (typeof sid !== "string" || typeof did !== "string" || typeof plt !== "string" || !sub || !exp) {
      throw new AppError("TOKEN_INVALID");
    }
    const claims: AccessClaims = { userId: sub, sessionId: sid, deviceId: did, platform: plt, expiresAt: exp * 1000 };
    if (remember) this.#verified.set(token, claims);
    return claims;
  }

  /**
   * A new refresh token: `<session>.<random>.<mac>`. The mac lets a token that this service never made be told from one
   * that was used before, so nobody can end a session by inventing tokens.
   */
  issueRefresh(sessionId: string): string {
    const body = `${sessionId}.${randomBytes(24).toString("base64url")}`;
    return `${body}.${this.#refreshMac(body).toString("base64url")}`;
  }

  /** The session a refresh token was made for. Whether it is the current one is the store's to say. @throws AppError TOKEN_INVALID */
  refreshSession(token: string): string {
    const [, body, sessionId, mac] = REFRESH_TOKEN.exec(token) ?? [];
    if (!body || !sessionId || !mac || !timingSafeEqual(Buffer.from(mac, "base64url"), this.#refreshMac(body))) {
      throw new AppError("TOKEN_INVALID");
    }
    return sessionId;
  }

  #refreshMac(body: string): Buffer {
    // The prefix keeps this apart from what the same key signs in JWTs.
    return createHmac("sha256", this.#key).update(`refresh:${body}`).digest().subarray(0, 18);
  }

  /** A hash of an e-mail code that only this deployment's key can make: six digits are quickly tried through. Hex. */
  codeHash(email: string, purpose: string, code: string): string {
    return createHmac("sha256", this.#key)
      .update(`email-code:${JSON.stringify([email, purpose, code])}`)
      .digest("hex");
  }

  /** A credential for calls to syssvc, good for five minutes. */
  issueService(subject: string): Promise<string> {
    const now = Math.floor(this.clock.now() / 1000);
    return new SignJWT({})
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(subject)
      .setIssuer(ISSUER)
      .setAudience(SERVICE_AUDIENCE)
      .setIssuedAt(now)
      .setExpirationTime(now + SERVICE_TTL_S)
      .sign(this.#key);
  }

  /** The calling service's name. @throws AppError TOKEN_INVALID or TOKEN_EXPIRED */
  async verifyService(token: string): Promise<string> {
    const known = this.#services.get(token);
    if (known) {
      if (known.expiresAt <= this.clock.now()) throw new AppError("TOKEN_EXPIRED");
      return known.name;
    }
    const { sub, exp } = await this.#verify(token, SERVICE_AUDIENCE, ["exp", "sub"]);
    if (!sub || !exp) throw new AppError("TOKEN_INVALID");
    this.#services.set(token, { name: sub, expiresAt: exp * 1000 });
    return sub;
  }

  async #verify(token: string, audience: string, requiredClaims: string[]) {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ["HS256"],
        issuer: ISSUER,
        audience,
        requiredClaims,
        currentDate: new Date(this.clock.now()),
      });
      return payload;
    } catch (cause) {
      throw new AppError(cause instanceof joseErrors.JWTExpired ? "TOKEN_EXPIRED" : "TOKEN_INVALID", undefined, { cause });
    }
  }
}
