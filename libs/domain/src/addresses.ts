import { isIPv6 } from "node:net";

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The eight groups of an IPv6 address in full. */
const groupsOf = (address: string): string[] => {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => "0"), ...after];
};

/**
 * What counts as one address: an IPv4 address; of IPv6 the first 64 bits, since one customer has all that begin with them.
 */
export const addressKey = (address: string): string => {
  const plain = address.replace(/%.*$/, "");
  const mapped = MAPPED.exec(plain);
  if (mapped) return mapped[1] as string;
  if (!isIPv6(plain) || plain.includes(".")) return plain;
  return `${groupsOf(plain)
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::`;
};

/**
 * Where a request came from: the peer itself, or with `hops` proxies in front, each of which adds whom it saw to
 * X-Forwarded-For, what the outermost of them saw. What a client wrote there stands further left and counts for nothing.
 */
export const clientAddress = (peer: string, forwardedFor: string, hops: number): string => {
  if (hops === 0) return peer;
  const seen = [...forwardedFor.split(",").map((address) => address.trim()), peer].filter((address) => address !== "");
  return seen[Math.max(0, seen.length - 1 - hops)] as string;
};
