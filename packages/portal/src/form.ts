/** The form in which an endpoint is created or changed. What was typed stays, whatever the database says of it. */

import { CallError, type Endpoint, type EventType } from "./api.js";
import { h } from "./dom.js";
import { EndpointView } from "./endpoint.js";
import { EndpointsView } from "./endpoints.js";
import { check, clear, complain, field, fieldOf, problem, type Field } from "./fields.js";
import { SecretView } from "./secret.js";
import { busy, button, heading, reason, type Context, type View } from "./view.js";

const PRESETS = { standard: [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400], quick: [2, 4] } as const;

/** Which of the schedules with a name the endpoint follows. */
export function scheduleOf(endpoint: Endpoint): "standard" | "quick" | "other" {
  const own = String(endpoint.retry_schedule);
  return own === String(PRESETS.standard) ? "standard" : own === String(PRESETS.quick) ? "quick" : "other";
}

export class FormView implements View<EventType[]> {
  readonly tab = "endpoints";
  /** What the form began with; after a conflict, what someone else made of it. */
  #base: Endpoint | null;
  constructor(endpoint: Endpoint | null) { this.#base = endpoint; }

  interval(): null { return null; }
  load({ api }: Context): Promise<EventType[]> { return api.eventTypes(); }

  render(context: Context, types: EventType[]): Node[] {
    const { texts } = context;
    const old = this.#base;
    const some = old !== null && !old.events.includes("*");
    const known = new Set(types.map((type) => type.name));
    // families, such as order.*, and types that exist no more stay among the choices
    const names = [...types.map((type) => type.name), ...(old?.events ?? []).filter((event) => event !== "*" && !known.has(event))];
    const choices = h("div", { class: "choices", hidden: !some }, ...names.map((name) => check(name, "event", name, old?.events.includes(name) ?? false)));
    const show = () => { choices.hidden = !form.querySelector<HTMLInputElement>("#events-some")?.checked; };
    const radio = (id: string, text: string, on: boolean) => h("label", { class: "check" }, h("input", { type: "radio", name: "events", id, checked: on, onchange: show }), text);
    const schedule = old ? scheduleOf(old) : "standard";
    const form = h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); void busy(form.querySelector("button[type=submit]")!, () => this.#save(context, form)); } },
      h("div", { class: "problem", id: "problem", role: "alert", hidden: true }),
      field("name", texts.name, "", h("input", { id: "name", value: old?.name ?? "", maxlength: 200, autocomplete: "off", required: true })),
      field("url", texts.url, texts.urlHelp, h("input", { id: "url", type: "url", value: old?.url ?? "", placeholder: "https://example.com/webhooks", autocomplete: "off", required: true })),
      h("fieldset", { id: "events", "aria-describedby": "events-help events-error" }, h("legend", {}, texts.events), h("p", { class: "help", id: "events-help" }, texts.eventsHelp),
        radio("events-all", texts.allEvents, !some), radio("events-some", texts.onlyThese, some), choices, h("p", { class: "error", id: "events-error" })),
      field("retries", texts.retries, texts.retriesHelp, h("select", { id: "retries" },
        ...(schedule === "other" ? [h("option", { value: "" }, texts.unchanged)] : []),
        h("option", { value: "standard", selected: schedule === "standard" }, texts.standard),
        h("option", { value: "quick", selected: schedule === "quick" }, texts.quick))),
      field("rate", texts.rate, texts.rateHelp, h("input", { id: "rate", type: "number", min: 1, step: 1, inputmode: "numeric", value: old?.rate_limit_per_second ?? "" })),
      field("headers", texts.headers, [texts.headersHelp, old?.header_names.length ? texts.headersKept(old.header_names.join(", ")) : ""].join(" "),
        h("textarea", { id: "headers", rows: 3, spellcheck: "false", autocomplete: "off" })),
      old?.header_names.length ? check(texts.dropHeaders, "drop-headers", "yes", false) : "",
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, texts.save),
        button(context, texts.cancel, () => context.go(old ? new EndpointView(old.id) : new EndpointsView()))));
    return [heading(old ? texts.editEndpoint(old.name) : texts.newEndpoint), form];
  }

  async #save(context: Context, form: HTMLFormElement): Promise<void> {
    clear(form);
    const settings = this.#read(context, form);
    if (!settings) return;
    try {
      if (this.#base) {
        await context.api.update(this.#base.id, { ...settings, updated_at: this.#base.updated_at });
        context.go(new EndpointView(this.#base.id));
      } else {
        const made = await context.api.create(settings);
        context.interrupt(new SecretView(made.id, String(settings["name"]), made.secret_key));
      }
    } catch (error) {
      if (error instanceof CallError && error.code === "PT409" && this.#base) await this.#conflict(context, form, this.#base).catch((other) => problem(form, [reason(context.texts, other)]));
      else complain(form, error instanceof CallError && error.code === "22023" ? fieldOf(error.message) : null, reason(context.texts, error));
    }
  }

  /** The settings, or null if a field says what is missing. */
  #read({ texts }: Context, form: HTMLFormElement): Record<string, unknown> | null {
    const value = (id: string) => form.querySelector<HTMLInputElement>(`#${id}`)?.value.trim() ?? "";
    const chosen = form.querySelector<HTMLInputElement>("#events-all")!.checked ? ["*"] : [...form.querySelectorAll<HTMLInputElement>("input[name=event]:checked")].map((box) => box.value);
    const missing: [Field, string, boolean][] = [["name", texts.nameNeeded, !value("name")], ["url", texts.urlNeeded, !value("url")], ["events", texts.eventsNeeded, !chosen.length],
      ["rate", texts.rateWrong, !form.querySelector<HTMLInputElement>("#rate")!.validity.valid]];
    const settings: Record<string, unknown> = { name: value("name"), url: value("url"), events: chosen };
    if (value("retries")) settings["retry_schedule"] = value("retries");
    settings["rate_limit_per_second"] = value("rate") ? Number(value("rate")) : null;
    const headers = new Map<string, string>();
    value("headers").split("\n").forEach((line, at) => {
      const [, name, rest] = /^([^:\s]+)\s*:\s*(.*)$/.exec(line.trim()) ?? [];
      if (name && headers.has(name)) missing.push(["headers", texts.headerTwice(name), true]);
      else if (name) headers.set(name, rest ?? "");
      else if (line.trim()) missing.push(["headers", texts.headerLine(at + 1), true]);
    });
    if (headers.size || form.querySelector<HTMLInputElement>("input[name=drop-headers]")?.checked) settings["headers"] = Object.fromEntries(headers);
    const wrong = missing.filter(([, , is]) => is);
    for (const [name, text] of wrong.reverse()) complain(form, name, text);
    return wrong.length ? null : settings;
  }

  async #conflict({ api, texts }: Context, form: HTMLFormElement, old: Endpoint): Promise<void> {
    const now = await api.endpoint(old.id);
    const shown: [string, (one: Endpoint) => string][] = [
      [texts.name, (one) => one.name], [texts.url, (one) => one.url], [texts.events, (one) => one.events.join(", ")],
      [texts.retries, (one) => String(one.retry_schedule ?? one.max_attempts)], [texts.rate, (one) => String(one.rate_limit_per_second)],
      [texts.headers, (one) => one.header_names.join(", ")], [texts.health, (one) => texts[one.health.status]]];
    const changed = shown.filter(([, of]) => of(old) !== of(now)).map(([name, of]) => texts.changedTo(name, of(now)));
    this.#base = now;
    problem(form, [texts.changedMeanwhile, ...changed]);
  }
}
