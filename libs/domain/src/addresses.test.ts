import { expect, test } from "vitest";
import { addressKey, clientAddress } from "./addresses.js";

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
  ["2001:DB8:1:0002::", "2001:db8:1:2::"],
  ["2001:db8::1", "2001:db8:0:0::"],
  ["::1", "0:0:0:0::"],
  ["fe80::1%eth0", "fe80:0:0:0::"],
  ["no address", "no address"],
])("%s counts as %s", (address, key) => expect(addressKey(address)).toBe(key));

test("only what trusted proxies added counts", () => {
  expect(clientAddress("10.0.0.9", "6.6.6.6", 0)).toBe("10.0.0.9");
  expect(clientAddress("10.0.0.9", "6.6.6.6, 8.8.8.8", 1)).toBe("8.8.8.8");
  expect(clientAddress("10.0.0.9", "6.6.6.6, 8.8.8.8, 10.0.0.8", 2)).toBe("8.8.8.8");
  expect(clientAddress("10.0.0.9", "", 1)).toBe("10.0.0.9");
  expect(clientAddress("10.0.0.9", "8.8.8.8", 2)).toBe("8.8.8.8");
});
