/** Who the customer says they are, what they agreed to, what is kept of them, and the end of it all. */

import { get, patch, put, remove } from "../api.js";
import { h, icon, render, slot } from "../dom.js";
import { dateTime, language, LANGUAGES, said, switchLanguage, t } from "../i18n.js";
import { button, busy, confirm, field, report, toast } from "../ui.js";
import { pinCard } from "./confirm.js";
import { forgetAll } from "./device.js";
import { lastKnown } from "./kept.js";
import { leave, subscribe } from "./push.js";

/** Shows `me`, an answer of `/v1/me`; dispatches `poi:changed` when it was changed. */
class Profile extends HTMLElement {
  me = null;
  #consents = null;
  #list = h("ul", { class: "list consents" });
  #told = h("div", { dataset: { own: "" } });
  #pin = h("div", { dataset: { own: "" } });

  connectedCallback() {
    if (!this.firstChild) render(this, slot(this.#told), this.#agreed(), slot(this.#pin), this.#kept(), this.#end());
    render(this.#told, this.#form());
    this.#load();
  }

  #drawPin() {
    render(this.#pin, pinCard(this.me.has_pin, (kept) => { this.me.has_pin = kept; this.#drawPin(); }));
  }

  async #load() {
    this.#drawPin();
    try {
      this.#consents = (await lastKnown("consents", () => get("/v1/me/consents"))).value.items;
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #form() {
    const name = h("input", { class: "input", maxlength: 120, required: true, autocomplete: "name", value: this.me.display_name });
    const birthday = h("input", { class: "input", type: "date", value: this.me.birthday ?? "", disabled: Boolean(this.me.birthday), max: new Date().toISOString().slice(0, 10) });
    const tongue = h("select", { class: "input" }, LANGUAGES.map((code) => h("option", { value: code, selected: code === language }, t(`language.${code}`))));
    const save = h("button", { class: "button primary big wide" }, icon("check"), t("app.save"));
    const onsubmit = (event) => {
      event.preventDefault();
      busy(save, () => this.#save({ display_name: name.value.trim(), birthday: birthday.value || null, language: tongue.value }));
    };
    return h("form", { class: "card stack", key: this.me.birthday ?? "open", onsubmit },
      field(t("profile.name"), name, { hint: t("profile.name_hint") }),
      field(t("profile.birthday"), birthday, { hint: t(this.me.birthday ? "profile.birthday_set" : "profile.birthday_hint") }),
      field(t("profile.language"), tongue), save);
  }

  async #save(profile) {
    await patch("/v1/me", profile);
    toast(t("app.saved"), "good");
    this.me = { ...this.me, ...profile };
    render(this.#told, this.#form());
    if (profile.language !== language) switchLanguage(profile.language);
    else this.dispatchEvent(new Event("poi:changed", { bubbles: true }));
  }

  #agreed() {
    return h("section", { class: "card stack" }, h("h3", {}, t("agreed.title")), h("p", { class: "muted small" }, t("agreed.hint")), this.#list);
  }

  #draw() {
    render(this.#list, (this.#consents ?? []).map((state) => {
      const box = h("input", { type: "checkbox", role: "switch", checked: state.given, "aria-describedby": `words-${state.purpose}`, onchange: (event) => this.#give(state, event.target.checked) });
      return h("li", { key: state.purpose }, h("div", { class: "grow" },
        h("label", { class: "check" }, box, h("span", { class: "strong" }, t(`purpose.${state.purpose}`))),
        h("p", { class: "muted small", id: `words-${state.purpose}` }, said(state.text)),
        state.history.length > 0 && h("p", { class: "muted small" }, t(state.given ? "agreed.yes" : "agreed.no", { when: dateTime(state.history[0].at) }))));
    }));
  }

  async #give(state, given) {
    try {
      this.#consents = (await put(`/v1/me/consents/${state.purpose}`, { given, version: state.version })).items;
      toast(t("app.saved"), "good");
      if (state.purpose === "push") await (given ? subscribe : leave)();
    } catch (problem) {
      report(problem);
      if (problem.code === "text-changed") await this.#load();
    }
    this.#draw();
  }

  #kept() {
    return h("section", { class: "card stack" }, h("h3", {}, t("my_data.title")), h("p", { class: "muted small" }, t("my_data.hint")),
      button(t("my_data.download"), { icon: "down", onclick: () => this.#download() }));
  }

  async #download() {
    const text = JSON.stringify(await get("/v1/me/export"), null, 2);
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    h("a", { href: address, download: `${t("my_data.file")}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  #end() {
    return h("section", { class: "card stack" }, h("h3", {}, t("profile.erase")), h("p", { class: "muted small" }, t("profile.erase_hint")),
      button(t("profile.erase"), { icon: "trash", kind: "danger", onclick: () => this.#erase() }));
  }

  async #erase() {
    if (!(await confirm(t("profile.erase"), t("profile.erase_sure"), t("profile.erase_yes")))) return;
    await remove("/v1/me");
    await forgetAll();
    location.replace("/");
  }
}

customElements.define("poi-profile", Profile);
