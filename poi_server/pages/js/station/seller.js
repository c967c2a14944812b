/** Who is signed in at the counter: the name in the bar, the chooser with its PIN pad, and what the person may do. */

import { get, post } from "../api.js";
import { back, faceList, withConsent } from "../consent.js";
import { h, icon, render, slot } from "../dom.js";
import { clock, t } from "../i18n.js";
import { button, dialog, report, toast } from "../ui.js";

const LOOK_AGAIN_MS = 1000;
/** From so many on, a field finds a name. */
const MANY_FACES = 12;
const MOST_FACES = 60;

/** The person at the counter. Dispatches `change`. */
export class Person extends EventTarget {
  #stationId;
  #timer = 0;
  #at = null;
  #cover = null;
  #asked = 0;
  #mark = h("div", { class: "at-counter", dataset: { own: "" } });

  constructor(stationId) {
    super();
    this.#stationId = stationId;
  }

  /** Begin with who the credential stands for: a person's own device needs no sign-in. */
  async start(me) {
    this.me = me;
    document.querySelector("poi-nav").after(this.#mark);
    if (this.signs) await this.load();
    this.#draw();
  }

  /** Whether persons sign in here: at a station's own screen. */
  get signs() {
    return this.me.role === "station";
  }

  /** Ask who is signed in. */
  async load() {
    if (!this.signs) return;
    const asked = (this.#asked += 1);
    const at = await get(`/v1/stations/${this.#stationId}/seller`);
    if (asked === this.#asked) this.#take(at);
  }

  /** Whether somebody has to sign in before anything is done. */
  get locked() {
    return Boolean(this.#at) && this.#at.sign_in === "required" && !this.#at.person;
  }

  may(right) {
    return (this.signs ? this.#at?.rights : this.me.rights)?.includes(right) ?? true;
  }

  /** Why not, in words for the screen; nothing when they may. */
  why(right) {
    if (this.may(right)) return "";
    return this.signs && !this.#at?.person ? t("problem.sign-in-needed") : t("signin.may_not", { right: t(`right.${right}`) });
  }

  /** The persons to choose from, each with a large button; then the PIN. */
  async choose() {
    const faces = await this.#faces();
    if (!faces) return;
    await dialog(t("signin.title"), (close) => {
      const body = h("div", { class: "stack" });
      this.#facesIn(body, faces, close);
      return { body, foot: this.#foot(close) };
    });
  }

  /** The same over the whole counter, while somebody has to sign in first; else nothing. */
  get cover() {
    if (!this.locked) this.#cover = null;
    else this.#cover ??= this.#makeCover();
    return this.#cover;
  }

  #makeCover() {
    const body = h("div", { class: "stack", dataset: { own: "" } }, h("p", { class: "muted" }, t("app.loading")));
    this.#faces().then((faces) => faces && this.#facesIn(body, faces, () => {}));
    return h("section", { class: "stage is-locked", key: "stage-locked", "aria-label": t("signin.title"), dataset: { own: "" } },
      h("div", { class: "stage-card" }, h("div", { class: "stage-mark", "aria-hidden": "true" }, icon("lock")), h("h2", {}, t("signin.first")), h("p", { class: "muted" }, t("signin.badge_hint")), body));
  }

  /** Do what may take a second person, who stands beside and is not the one signed in. */
  withConsent(what, run) {
    return withConsent(what, async () => (await this.#faces())?.filter((face) => face.seller_id !== this.#at?.person?.seller_id), run);
  }

  async #faces() {
    try {
      return (await get(`/v1/stations/${this.#stationId}/sellers`)).items;
    } catch (problem) {
      report(problem);
      return null;
    }
  }

  #facesIn(body, faces, close) {
    import("../pinpad.js").catch(() => {}); // there before a face is chosen: the first digit may follow at once
    const here = this.#at?.person?.seller_id;
    let wanted = "";
    const find = h("input", { class: "input", type: "search", "aria-label": t("signin.find"), placeholder: t("signin.find"), dataset: { own: "" }, oninput: () => { wanted = find.value.trim().toLowerCase(); list(); } });
    const list = () => render(body, faces.length > MANY_FACES && slot(find),
      faces.length ? faceList(faces.filter((face) => face.name.toLowerCase().includes(wanted)).slice(0, MOST_FACES), pad, here) : h("p", { class: "muted" }, t("signin.nobody")));
    const pad = async (face) => {
      const { PinPad } = await import("../pinpad.js");
      const pinPad = new PinPad(t("signin.pin_of", { name: face.name }), t("signin.enter"), (pin) => this.#enter(face, pin, close));
      render(body, back(face, list), slot(pinPad.view));
      pinPad.view.focus();
    };
    list();
  }

  async #enter(face, pin, close) {
    this.#take(await post(`/v1/stations/${this.#stationId}/sign-in`, { seller_id: face.seller_id, pin }));
    toast(t("signin.hello", { name: face.name }), "good");
    close();
  }

  #foot(close) {
    const { person } = this.#at ?? {};
    if (!person) return undefined;
    return [
      button(t("pin.change"), { icon: "key", onclick: async () => { close(); await (await import("./own_pin.js")).changePin(this.#stationId, person); } }),
      button(t("signin.out"), { icon: "out", kind: "danger", onclick: async () => { await this.#signOut(); close(); } }),
    ];
  }

  async #signOut() {
    this.#take(await post(`/v1/stations/${this.#stationId}/sign-out`));
  }

  #take(at) {
    this.#asked += 1;
    this.#at = at;
    clearTimeout(this.#timer);
    if (at.until) this.#timer = setTimeout(() => this.load().catch(report), Math.min(Math.max(new Date(at.until) - Date.now(), 0) + LOOK_AGAIN_MS, 2 ** 31 - 1));
    this.#draw();
    this.dispatchEvent(new Event("change"));
  }

  #draw() {
    render(this.#mark, this.signs ? this.#switch() : ownName(this.me));
  }

  #switch() {
    const { person, since } = this.#at ?? {};
    const label = person ? t("signin.switch", { name: person.name }) : null;
    return h("button", { type: "button", class: person ? "button small seller" : "button small primary seller", "aria-label": label, title: person ? t("signin.since", { time: clock(since) }) : t("signin.title"), onclick: () => this.choose() },
      icon(person ? "user" : "lock"), h("span", { class: "clip" }, person ? person.name : t("signin.enter")));
  }
}

function ownName(me) {
  return h("span", { class: "seller-own muted small clip" }, icon("user"), h("span", { class: "clip" }, me.name || t(`role.${me.role}`)));
}
