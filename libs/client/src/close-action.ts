/** What a closed connection asks for: connect again, refresh the token first, or stay away. */
export type CloseAction = "reconnect" | "refresh" | "stop";

/**
 * By the code's class: 4100–4199 refresh first, 4400–4999 stop, everything else (1001, 1006, 1012, 4000–4099 and codes
 * that proxies make) reconnect.
 */
export const closeAction = (code: number): CloseAction => {
  if (code >= 4100 && code <= 4199) return "refresh";
  if (code >= 4400 && code <= 4999) return "stop";
  return "reconnect";
};
