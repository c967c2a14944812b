/**
 * This phone's device: its key stays in IndexedDB as a CryptoKey that cannot be exported, beside what is needed to make
 * codes without a network: handle, epoch and the server's clock.
 */

import { importDeviceKey } from "../poi1.js";

const DATABASE = "poi";
const SHELF = "kept";

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(SHELF);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function transact(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(SHELF, mode);
      const request = work(transaction.objectStore(SHELF));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** Something kept on this phone, or undefined. */
export const recall = (name) => transact("readonly", (shelf) => shelf.get(name));
export const keep = (name, value) => transact("readwrite", (shelf) => shelf.put(value, name));
export const forgetAll = () => transact("readwrite", (shelf) => shelf.clear());

/** The device, or undefined: { key, handle, epoch }. */
export const storedDevice = () => recall("device");

/** Keep the device that pairing gave; its raw key is not kept anywhere else. */
export async function rememberDevice({ handle, epoch, key, server_time: serverTime }) {
  const raw = Uint8Array.from(atob(key), (letter) => letter.charCodeAt(0));
  const bytes = Uint8Array.from(handle.match(/../g), (pair) => parseInt(pair, 16));
  await keep("device", { key: await importDeviceKey(raw), handle: bytes, epoch });
  await keep("offset", new Date(serverTime) - Date.now());
}

/** How far the server's clock is ahead of this phone's, milliseconds: measured now if the server answers. */
export async function clockOffset() {
  const stored = (await recall("offset")) ?? 0;
  try {
    const asked = Date.now();
    const answer = await fetch("/livez", { cache: "no-store" });
    const middle = (asked + Date.now()) / 2;
    const said = new Date(answer.headers.get("Date") ?? NaN).getTime();
    if (Number.isNaN(said)) return stored;
    const measured = said + 500 - middle;
    const offset = Math.abs(measured - stored) > 1000 ? Math.round(measured) : stored;
    await keep("offset", offset);
    return offset;
  } catch {
    return stored;
  }
}
