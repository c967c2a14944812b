/** Make a customer known, or change what is told of one: always with their agreement on record. */

import { get, patch, post } from "../api.js";
import { h } from "../dom.js";
import { language, LANGUAGES, said, t } from "../i18n.js";
import { busy, button, dialog, field, toast } from "../ui.js";

/** Ask for a new customer; resolves to the customer, or to null. */
export async function newCustomer(me) {
  const text = await membershipText();
  return form(t("customers.new"), {}, text, true, me, (body) => post("/v1/customers", body));
}

/** Change one; a pseudonym who gets a name agrees first. Resolves to the customer, or to null. */
export async function editCustomer(customer, me) {
  const text = await membershipText();
  return form(t("customers.edit"), customer, text, customer.pseudonym, me, (body) => patch(`/v1/customers/${customer.customer_id}`, body));
}

async function membershipText() {
  const { items } = await get("/v1/consent-texts");
  return items.find((text) => text.purpose === "membership");
}

async function form(title, customer, text, asks, me, send) {
  let made = null;
  const name = h("input", { class: "input", required: true, maxlength: 120, autocomplete: "off", value: customer.display_name ?? "" });
  const birthday = h("input", { class: "input", type: "date", value: customer.birthday ?? "", disabled: Boolean(customer.birthday) && me.role === "seller", max: new Date().toISOString().slice(0, 10) });
  const spoken = h("select", { class: "input" }, LANGUAGES.map((code) => h("option", { value: code, selected: code === (customer.language ?? language) }, t(`language.${code}`))));
  const agreed = h("input", { type: "checkbox", required: me.role === "seller" });
  const how = h("select", { class: "input" }, ["spoken", "signed"].map((one) => h("option", { value: one }, t(`consents.${one}`))));
  const consent = asks && h("fieldset", { class: "field consent-box" }, h("legend", {}, t("purpose.membership")), h("blockquote", { class: "consent-text" }, said(text.text)),
    h("label", { class: "check" }, agreed, t("customers.agreed")), field(t("consents.how"), how));
  await dialog(title, (close) => {
    const submit = button(t("app.save"), { kind: "primary", icon: "check" });
    const node = h("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); submit.click(); } },
      field(t("customers.name"), name), field(t("customers.birthday"), birthday, { hint: t("customers.birthday_hint") }), field(t("customers.language"), spoken), consent);
    submit.onclick = () => busy(submit, async () => {
      if (!node.reportValidity()) return;
      const body = { display_name: name.value.trim(), language: spoken.value };
      if (birthday.value) body.birthday = birthday.value;
      if (asks && agreed.checked) body.consent = { version: text.version, how: how.value };
      made = await send(body);
      toast(t("app.saved"), "good");
      close();
    });
    return { body: node, foot: [button(t("app.cancel"), { onclick: close }), submit] };
  });
  return made;
}
