/** What a draft would have done with the sales of the last days: progress while it is replayed, then figures and weeks. */

import { Problem } from "../api.js";
import { bars, moneyShort, table } from "../charts.js";
import { h, render } from "../dom.js";
import { dayShort, money, number, t, tn } from "../i18n.js";
import { busy, button } from "../ui.js";

const DAYS = [30, 90];

/** A panel with its own button; `read` gives the draft, `refuse` shows the server's problem at its field. */
export class PreviewPanel {
  #read;
  #refuse;
  #campaignId;
  #stop = null;
  #state = {};
  node = h("section", { class: "preview card stack", "aria-live": "polite" });

  constructor(read, refuse, campaignId) {
    this.#read = read;
    this.#refuse = refuse;
    this.#campaignId = campaignId;
    this.#draw();
  }

  async #run(days) {
    const draft = this.#read();
    if (!draft) return;
    this.#stop = new AbortController();
    try {
      for await (const step of steps(draft, this.#campaignId(), days, this.#stop.signal)) {
        if (step.kind === "failed") throw new Problem({ code: step.code, detail: step.detail }, 500);
        this.#state = step.kind === "progress" ? { progress: step } : { result: step };
        this.#draw();
      }
    } catch (problem) {
      this.#state = {};
      if (problem.name !== "AbortError") this.#fail(problem);
    } finally {
      this.#stop = null;
      this.#draw();
    }
  }

  #fail(problem) {
    if (problem.path || problem.errors?.length) this.#refuse(problem);
    else if (problem.text !== undefined) this.#state = { problem: problem.text };
    else throw problem;
  }

  #draw() {
    const { progress, result, problem } = this.#state;
    render(this.node, h("div", { class: "row between wrap" }, h("div", {}, h("h3", {}, t("preview.title")), h("p", { class: "muted small" }, t("preview.lead"))),
      h("div", { class: "row wrap" }, this.#stop ? button(t("preview.cancel"), { kind: "small", icon: "close", onclick: async () => this.#stop?.abort() })
        : DAYS.map((days) => h("button", { type: "button", class: `button small preview-${days}`, onclick: (event) => busy(event.currentTarget, () => this.#run(days)) }, tn("preview.run", days))))),
    problem && h("p", { class: "banner is-bad" }, problem),
    progress && h("div", { class: "bar-track", role: "progressbar", "aria-label": t("preview.title"), "aria-valuemin": 0, "aria-valuemax": progress.of, "aria-valuenow": progress.done }, h("div", { class: "bar-fill", vars: { "--share": progress.of ? progress.done / progress.of : 0 } })),
    result && outcome(result));
  }
}

function outcome(result) {
  const weeks = result.weeks.map((week) => ({ label: dayShort(week.monday), value: week.cost, title: t("preview.week", { day: dayShort(week.monday), cost: money(week.cost), baskets: number(week.touched) }) }));
  const figures = [["cost", money(result.cost)], ["customers", number(result.customers)], ["baskets", number(result.baskets)], ["anonymous", number(result.anonymous)], ["sales", number(result.sales)]];
  return h("div", { class: "stack" },
    h("p", { class: "preview-words" }, t("preview.outcome", { cost: money(result.cost), customers: tn("preview.customers", result.customers) })),
    h("dl", { class: "figures-line" }, figures.map(([name, value]) => h("div", {}, h("dt", { class: "muted small" }, t(`preview.${name}`)), h("dd", { class: "num strong" }, value)))),
    result.sampled && h("p", { class: "banner is-warn" }, t("preview.sampled", { replayed: number(result.replayed), sales: number(result.sales), weight: number(result.weight) })),
    weeks.some(({ value }) => value > 0) && bars(weeks, t("preview.by_week"), moneyShort, { height: 160 }),
    weeks.length > 0 && h("details", { class: "figures" }, h("summary", {}, t("chart.table")),
      table([t("preview.week_of"), t("preview.cost"), t("preview.baskets"), t("preview.sales")], result.weeks.map((week) => [dayShort(week.monday), money(week.cost), number(week.touched), number(week.baskets)]))));
}

/** The lines of the answer as they come; aborting hangs up, which stops the work. */
async function* steps(draft, campaignId, days, signal) {
  const first = new Date();
  first.setDate(first.getDate() - days + 1);
  const asked = new URLSearchParams({ first: iso(first), ...(campaignId ? { campaign_id: campaignId } : {}) });
  const response = await fetch(`/v1/campaigns/preview?${asked}`, { method: "POST", signal, credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify(draft) });
  if (!response.ok) throw new Problem(await response.json().catch(() => ({})), response.status);
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

const iso = (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
