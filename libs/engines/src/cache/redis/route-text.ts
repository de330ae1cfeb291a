import type { Route } from "../port.js";

/** Between the fields of a route. */
export const FIELD = "\t";
/** Between the routes of a user. */
export const RECORD = "\n";

const SPECIAL = /[%\n\t]/;
const pack = (text: string): string =>
  SPECIAL.test(text) ? text.replace(/[%\n\t]/g, (c) => (c === "%" ? "%25" : c === FIELD ? "%09" : "%0A")) : text;
const unpack = (text: string): string =>
  text.includes("%") ? text.replace(/%(25|09|0A)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))) : text;

/** What a route's text begins with; tells whose it is. */
export const connectionPrefix = (connectionId: string): string => `${pack(connectionId)}${FIELD}`;

/**
 * A route as one short text, much cheaper to take apart than JSON on the path of every message: connection, device, slot,
 * session, platform, status, connected at, registered at (ms since 1970).
 */
export const encodeRoute = (route: Route, registeredAt: number): string =>
  connectionPrefix(route.connectionId) +
  [pack(route.deviceId), route.slot, pack(route.sessionId), pack(route.platform), pack(route.status), route.connectedAt, registeredAt].join(
    FIELD,
  );

/** The route, or undefined for a text that is none or was registered before `oldest` (ms since 1970). */
export const decodeRoute = (text: string, oldest: number): Route | undefined => {
  const [connectionId, deviceId, slot, sessionId, platform, status, connectedAt, registeredAt, ...rest] = text.split(FIELD);
  if (connectionId === undefined || deviceId === undefined || sessionId === undefined || platform === undefined) return undefined;
  if (status === undefined || registeredAt === undefined || rest.length > 0) return undefined;
  // Written so that what is not a number counts as too old.
  if (!(Number(registeredAt) > oldest)) return undefined;
  return {
    connectionId: unpack(connectionId),
    deviceId: unpack(deviceId),
    slot: Number(slot),
    sessionId: unpack(sessionId),
    platform: unpack(platform),
    status: unpack(status),
    connectedAt: Number(connectedAt),
  };
};
