/** Four eyes: what goes further than one may alone takes a second person's PIN; and the faces to choose a person from. */

import { post } from "./api.js";
import { h, icon, render, slot } from "./dom.js";
import { money, t } from "./i18n.js";
import { dialog } from "./ui.js";

/**
 * Do what may take a second person: when it does, ask for their PIN and do it again.
 *
 * `what`: act, subject_id, amount; `people()`: the faces who may stand beside, nothing when they cannot be asked for.
 */
export async function withConsent(what, people, run) {
  try {
    return await run();
  } catch (problem) {
    if (problem.code !== "approval-needed") throw problem;
    const approvalId = await ask(what, await people());
    if (!approvalId) throw problem;
    return run(approvalId);
  }
}

async function ask(what, people) {
  const faces = people?.filter((face) => face.role === "manager" && face.has_pin);
  if (!faces) return "";
  let approvalId = "";
  await dialog(t("consent.title"), (close) => {
    const body = h("div", { class: "stack" });
    const pad = async (face) => {
      const { PinPad } = await import("./pinpad.js");
      const pinPad = new PinPad(t("signin.pin_of", { name: face.name }), t("consent.give"), async (pin) => {
        approvalId = (await post("/v1/approvals", { ...what, seller_id: face.seller_id, pin })).approval_id;
        close();
      });
      render(body, amountOf(what), back(face, list), slot(pinPad.view));
      pinPad.view.focus();
    };
    const list = () => render(body, amountOf(what), h("p", { class: "muted", key: "words" }, t("consent.words")),
      faces.length ? faceList(faces, pad) : h("p", { class: "strong", key: "nobody" }, t("consent.nobody")));
    list();
    return { body };
  });
  return approvalId;
}

const amountOf = ({ act, amount }) => h("p", { class: "strong", key: "amount" }, t(`consent.act_${act}`, { amount: money(amount) }));

/** Who was chosen, with the way back to the others. */
export function back(face, list) {
  return h("div", { class: "row", key: "back" },
    h("button", { type: "button", class: "button round quiet", "aria-label": t("app.back"), onclick: list }, icon("left")), h("p", { class: "strong grow" }, face.name));
}

/** The people, each as a large button; one without a PIN cannot be chosen. */
export function faceList(faces, pick, here = "") {
  return h("ul", { class: "faces", key: "faces" }, faces.map((face) => h("li", { key: face.seller_id },
    h("button", { type: "button", class: "button big wide face", disabled: !face.has_pin, "aria-current": face.seller_id === here ? "true" : null, onclick: () => pick(face) },
      icon(face.role === "manager" ? "shield" : "user"), h("span", { class: "grow" }, h("span", { class: "face-name" }, face.name),
        !face.has_pin && h("span", { class: "small muted block" }, t("signin.no_pin")))))));
}
