const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

const randomText = (length: number): string => {
  let text = "";
  while (text.length < length) {
    // Bytes of 232 and above are dropped so that every character is equally likely.
    for (const byte of crypto.getRandomValues(new Uint8Array(24))) {
      if (byte < 232 && text.length < length) text += BASE58[byte % 58];
    }
  }
  return text;
};

/** A new client_msg_id: 20 base-58 characters, 117 bits. */
export const newClientMsgId = (): string => randomText(20);

/** A new device id; one for each installation, kept with its state. */
export const newDeviceId = (): string => `D${randomText(14)}`;
