/** Notifications on this phone: it subscribes after the customer agreed, and leaves when they take it back. */

import { get, post } from "../api.js";
import { language, t } from "../i18n.js";
import { toast } from "../ui.js";

/** Subscribe this phone; false when the browser or the person will not. */
export async function subscribe() {
  const worker = await navigator.serviceWorker?.getRegistration();
  if (!worker?.pushManager || (await Notification.requestPermission()) !== "granted") return refused();
  const { key } = await get("/v1/me/push");
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const made = await worker.pushManager.subscribe(options).catch(() => null);
  if (!made) return refused();
  const { endpoint, keys } = made.toJSON();
  await post("/v1/me/push", { endpoint, keys, language });
  return true;
}

/** This phone gets none any more. */
export async function leave() {
  const worker = await navigator.serviceWorker?.getRegistration();
  const made = await worker?.pushManager?.getSubscription();
  if (!made) return;
  await post("/v1/me/push/leave", { endpoint: made.endpoint });
  await made.unsubscribe();
}

function refused() {
  toast(t("agreed.no_push"), "bad");
  return false;
}
