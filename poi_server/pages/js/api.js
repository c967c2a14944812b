/** The server's API: JSON in and out, problems as errors, idempotent repeats after a lost connection. */

import { has, t } from "./i18n.js";

const TRIES = 3;

/** A refusal in the server's words: a stable `code`, the `path` of the mistake, and all `errors` of a body. */
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail ?? body.title ?? t("problem.unexpected"));
    Object.assign(this, { code: body.code ?? "unexpected", status, path: body.path, errors: body.errors ?? [] });
  }

  /** What to tell the person at the screen. */
  get text() {
    return has(`problem.${this.code}`) ? t(`problem.${this.code}`) : this.message;
  }
}

const offline = () => new Problem({ code: "offline" }, 0);

async function send(method, path, body, headers) {
  const raw = body instanceof Blob;
  const init = { method, headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
  if (body !== undefined) {
    init.body = raw ? body : JSON.stringify(body);
    init.headers["Content-Type"] = raw ? body.type : "application/json";
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw offline();
  }
  return read(response);
}

async function read(response) {
  if (response.status === 204) return null;
  const isJson = /json/.test(response.headers.get("Content-Type") ?? "");
  const body = isJson ? await response.json().catch(() => null) : null;
  if (response.ok) return body;
  throw new Problem(body ?? {}, response.status);
}

export const get = (path, params = {}) => send("GET", path + query(params));
export const put = (path, body) => send("PUT", path, body);
export const patch = (path, body) => send("PATCH", path, body);
export const remove = (path) => send("DELETE", path);
export const post = (path, body = {}) => send("POST", path, body);

/** A POST that moves money, points or limits: the same key is sent again when the answer was lost. */
export async function postOnce(path, body, key) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send("POST", path, body, { "Idempotency-Key": key });
    } catch (problem) {
      const worthAgain = problem.code === "offline" || problem.code === "idempotency-in-progress";
      if (!worthAgain || attempt === TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 400 * 2 ** attempt));
    }
  }
}

function query(params) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** A new key for one intended effect. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Who is signed in, or null. */
export async function whoAmI() {
  try {
    return await get("/v1/access/me");
  } catch (problem) {
    if (problem.status === 401) return null;
    throw problem;
  }
}
