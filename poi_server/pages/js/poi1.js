/**
 * POI1-H in the browser: the phone's own maker of rotating codes. The twin of poi_qr/poi1.py, tested on the same vectors.
 *
 * The device key is a non-extractable HMAC key; it can make codes here and be copied nowhere.
 */

export const EPOCH_2020_MS = 1577836800000;
const DIGITS = 63;
const SIGNED_BYTES = 14;
const MAC_BYTES = 12;
const PREFIX = new TextEncoder().encode("POI1");

/** Import 32 raw bytes as a non-extractable key for issueToken. */
export async function importDeviceKey(rawBytes) {
  return crypto.subtle.importKey("raw", rawBytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** The 63 digits to show: epoch 0-15, handle of 8 bytes, nowMs since 1970 UTC (server time), nonce 0-255. */
export async function issueToken(cryptoKeyHmac, epoch, handleBytes, nowMs, nonce) {
  const signed = signedPart(epoch, handleBytes, nowMs, nonce);
  const message = new Uint8Array(PREFIX.length + SIGNED_BYTES);
  message.set(PREFIX);
  message.set(signed, PREFIX.length);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", cryptoKeyHmac, message));
  return decimal([...signed, ...mac.subarray(0, MAC_BYTES)]);
}

function signedPart(epoch, handleBytes, nowMs, nonce) {
  const seconds = Math.floor((nowMs - EPOCH_2020_MS) / 1000);
  if (!(Number.isInteger(epoch) && epoch >= 0 && epoch <= 15)) throw new RangeError("the key epoch is 0 to 15");
  if (handleBytes.length !== 8) throw new RangeError("the card handle has 8 bytes");
  if (!(seconds >= 0 && seconds < 2 ** 32)) throw new RangeError("the time lies outside 2020 to 2156");
  if (!(Number.isInteger(nonce) && nonce >= 0 && nonce <= 255)) throw new RangeError("the nonce is one byte");
  const signed = new Uint8Array(SIGNED_BYTES);
  signed[0] = 0x10 | epoch;
  signed.set(handleBytes, 1);
  new DataView(signed.buffer).setUint32(9, seconds);
  signed[13] = nonce;
  return signed;
}

function decimal(bytes) {
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return BigInt(`0x${hex}`).toString().padStart(DIGITS, "0");
}
