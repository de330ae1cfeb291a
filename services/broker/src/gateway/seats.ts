import { addressKey, clientAddress } from "@dunlin/domain";

/** How many connections and handshakes each address has here. */
export class Seats {
  readonly #taken = new Map<string, number>();

  /**
   * @param max for one address; 0: no limit, and nothing is counted
   * @param proxies trusted ones in front
   */
  constructor(
    readonly max: number,
    private readonly proxies: number,
  ) {}

  /** What the request counts under. @param forwardedFor all lines of X-Forwarded-For, joined with commas */
  keyOf(peer: string, forwardedFor: string): string {
    return addressKey(clientAddress(peer, forwardedFor, this.proxies));
  }

  /** False when the address has as many as it may. Else `leave` gives the seat back. */
  take(key: string): boolean {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= this.max) return false;
    this.#taken.set(key, taken + 1);
    return true;
  }

  leave(key: string): void {
    const taken = this.#taken.get(key) ?? 0;
    if (taken > 1) this.#taken.set(key, taken - 1);
    else this.#taken.delete(key);
  }
}
