/** What a counter keeps for when the server is away: products, what is allowed, and the sales that wait to be sent. */

const STORES = ["products", "facts", "queue"];
const PREFIX = "poi-counter-";

/** One station's own store in this browser. */
export class Kept {
  #opened = null;

  constructor(stationId) {
    this.stationId = stationId;
  }

  /** Those of stations that this device was before. */
  static async former(stationId) {
    const names = ((await indexedDB.databases?.()) ?? []).map(({ name }) => name);
    return names.filter((name) => name.startsWith(PREFIX) && name !== PREFIX + stationId).map((name) => new Kept(name.slice(PREFIX.length)));
  }

  #open() {
    this.#opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(PREFIX + this.stationId, 1);
      request.onupgradeneeded = () => STORES.forEach((store) => request.result.createObjectStore(store));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return this.#opened;
  }

  async #run(store, mode, act) {
    const transaction = (await this.#open()).transaction(store, mode, { durability: "strict" });
    const request = act(transaction.objectStore(store));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  /** Everything in a store. */
  all(store) {
    return this.#run(store, "readonly", (objects) => objects.getAll());
  }

  get(store, key) {
    return this.#run(store, "readonly", (objects) => objects.get(key));
  }

  /** Written for good when this resolves. */
  put(store, key, value) {
    return this.#run(store, "readwrite", (objects) => objects.put(value, key));
  }

  remove(store, key) {
    return this.#run(store, "readwrite", (objects) => objects.delete(key));
  }

  /** Put these in the place of all that is there. */
  replace(store, pairs) {
    return this.#run(store, "readwrite", (objects) => {
      objects.clear();
      pairs.forEach(([key, value]) => objects.put(value, key));
    });
  }
}
