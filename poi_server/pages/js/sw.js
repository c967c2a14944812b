/** The service worker: the customer's page and the counter open without a network. Holds the shells, never data. */

const VERSION = "__VERSION__";
const CACHE = `poi-${VERSION}`;
const STATIC = `/static/${VERSION}/`;
const SHELL = "/me";

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOld().then(() => self.clients.claim()).then(fillCache));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== location.origin) return;
  if (address.pathname.startsWith("/static/")) event.respondWith(fromCache(request));
  else if (isShell(address.pathname)) event.respondWith(fromNetwork(request, address.pathname));
});

async function forgetOld() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("poi-") && name !== CACHE).map((name) => caches.delete(name)));
}

/** Keep the shell and every file it loaded before this worker was there. */
async function fillCache() {
  const cache = await caches.open(CACHE);
  const shell = await fetch(SHELL, { redirect: "manual" });
  if (shell.ok) await cache.put(SHELL, shell);
  const files = FILES.map((file) => STATIC + file);
  await Promise.all(files.map((file) => cache.add(file).catch(() => {})));
}

async function fromCache(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && new URL(request.url).pathname.startsWith(STATIC)) await cache.put(request, answer.clone());
  return answer;
}

/** The pages that open without a network. */
const isShell = (path) => path === SHELL || path.startsWith("/station/");

async function fromNetwork(request, path) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await cache.put(path, answer.clone());
    return answer;
  } catch {
    return (await cache.match(path)) ?? Response.error();
  }
}

const FILES = [
  "css/poi.css", "css/me.css", "icons/app.svg", "icons/ui.svg", "locale/fr.json", "locale/en.json",
  "js/me.js", "js/api.js", "js/dom.js", "js/i18n.js", "js/live.js", "js/ui.js", "js/near_short.js", "js/poi1.js", "js/qr.js",
  "js/me/card.js", "js/me/confirm.js", "js/me/device.js", "js/me/friends.js", "js/me/kept.js", "js/me/near.js", "js/me/orders.js", "js/me/parts.js",
  "js/me/compare.js", "js/me/products.js", "js/me/profile.js", "js/me/push.js",
  "js/map.js", "js/roving.js",
];

self.addEventListener("push", (event) => {
  const { title, body, url, tag } = event.data.json();
  const picture = `${STATIC}icons/app-192.png`;
  event.waitUntil(self.registration.showNotification(title, { body, tag, icon: picture, badge: picture, data: { url } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPage(event.notification.data.url));
});

/** Show the customer's page, in its window if one is open. */
async function openPage(url) {
  const windows = await self.clients.matchAll({ type: "window" });
  const open = windows.find((one) => new URL(one.url).pathname === SHELL);
  if (!open) return self.clients.openWindow(url);
  return (await open.navigate(url))?.focus();
}
