/** Who stands at the counter, how surely we know, and the code that lets a phone join. */

import { post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { number, t, tierName, tn } from "../i18n.js";
import { button, iconButton, qrImage } from "../ui.js";

const ASSURANCE = {
  authenticate: { tone: "good", icon: "shield" },
  staff: { tone: "good", icon: "shield" },
  identify: { tone: "warn", icon: "user" },
};
const RENEW_BEFORE_MS = 4000;
const RETRY_MS = 5000;

/** The banner about the customer. */
export function identityView(session, joinCode, { confirm, forget, why, enlarge }) {
  const identity = session?.identity;
  if (!identity) return nobody(joinCode, enlarge);
  return h("div", { class: "who", key: `who-${identity.customer_id}` },
    h("span", { class: "avatar", "aria-hidden": "true" }, identity.pseudonym ? icon("user") : initials(identity.display_name)),
    h("div", { class: "grow" },
      h("p", { class: "who-name" }, identity.pseudonym ? t("identity.pseudonym") : identity.display_name),
      h("p", { class: "who-facts" }, sureness(identity), facts(session))),
    identity.assurance === "identify" && button(t("identity.confirm"), { kind: "small", onclick: confirm, disabled: Boolean(why), title: why || null }),
    iconButton("close", t("identity.forget"), forget, "quiet forget"));
}

function facts(session) {
  const { tier, points, visits_in: visits } = session.facts ?? {};
  return [
    tier && h("span", { class: "chip info" }, icon("crown"), tierName(tier)),
    points !== undefined && h("span", { class: "num" }, tn("points", points)),
    visits?.[0] !== undefined && h("span", { class: "muted num" }, tn("visits", visits[0])),
  ];
}

const SCHEMES = new Set(["poi1", "loyalty", "ndef", "uid", "phone"]);
const schemeName = (scheme) => (SCHEMES.has(scheme) ? scheme : "other");

function sureness(identity) {
  const how = ASSURANCE[identity.assurance] ?? ASSURANCE.identify;
  const hint = `${t(`assurance.${identity.assurance}.hint`)} ${t(`scheme.${schemeName(identity.scheme)}`)}`;
  return h("span", { class: `chip ${how.tone}`, title: hint }, icon(how.icon), t(`assurance.${identity.assurance}`));
}

function nobody(joinCode, enlarge) {
  return h("div", { class: "who nobody", key: "who-nobody" },
    joinCode && h("button", { type: "button", class: "join-mini", "aria-label": t("identity.show_code"), onclick: enlarge }, qrImage(joinCode.qr_svg, t("identity.code_alt"))),
    h("div", { class: "grow" },
      h("p", { class: "who-name" }, t("identity.nobody")),
      h("p", { class: "muted small" }, t("identity.how"))),
    h("span", { class: "tap-mark", "aria-hidden": "true" }, icon("tap")));
}

function initials(name) {
  return name.split(/\s+/).slice(0, 2).map((word) => word[0] ?? "").join("").toUpperCase();
}

/** The station's rotating code: renewed before it expires while the page is seen and nobody is identified. */
export class JoinCode extends EventTarget {
  #timer = 0;
  #wanted = false;
  current = null;

  constructor(stationId) {
    super();
    this.stationId = stationId;
    document.addEventListener("visibilitychange", () => this.#wanted && this.#renew());
  }

  /** Show a fresh code from now on, or stop. */
  want(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) this.#renew();
    else clearTimeout(this.#timer);
  }

  async #renew() {
    clearTimeout(this.#timer);
    if (document.hidden || !this.#wanted) return;
    try {
      this.current = await post(`/v1/stations/${this.stationId}/join-code`);
      const left = new Date(this.current.expires_at) - Date.now();
      this.#timer = setTimeout(() => this.#renew(), Math.max(left - RENEW_BEFORE_MS, RETRY_MS));
    } catch {
      this.current = null;
      this.#timer = setTimeout(() => this.#renew(), RETRY_MS);
    }
    this.dispatchEvent(new Event("change"));
  }
}

/** Points with their sign, for what a sale gives. */
export const plusPoints = (points) => t("points_plus", { count: number(points) });
