/** Deliveries, newest first, by filters and pages. */

import type { Api, Cursor, Endpoint, EventType, Filters, Page } from "./api.js";
import { DeliveryView } from "./delivery.js";
import { breakable, h } from "./dom.js";
import { badge, button, EVERY, heading, type Context, type View } from "./view.js";

interface Data { page: Page; endpoints: Endpoint[]; types: EventType[] }
const STATUSES = ["pending", "processing", "delivered", "failed"] as const;

export class DeliveriesView implements View<Data> {
  readonly tab = "deliveries";
  #choices: Promise<[Endpoint[], EventType[]]> | null = null;
  constructor(readonly filters: Filters = {}, private readonly after: Cursor | null = null) {}

  /** An older page stays as it is while someone reads it. */
  interval(): number | null { return this.after ? null : EVERY; }

  async load({ api }: Context): Promise<Data> {
    const [page, [endpoints, types]] = await Promise.all([api.search(this.filters, this.after), this.#loadChoices(api)]);
    return { page, endpoints, types };
  }

  /** What the filters offer: loaded once, and again if that fails. */
  #loadChoices(api: Api): Promise<[Endpoint[], EventType[]]> {
    this.#choices ??= Promise.all([api.endpoints(), api.eventTypes()]);
    this.#choices.catch(() => { this.#choices = null; });
    return this.#choices;
  }

  render(context: Context, { page, endpoints, types }: Data): Node[] {
    const { texts } = context;
    const rows = page.deliveries.map((row) => h("tr", { "data-key": row.id },
      h("td", { class: "moment" }, h("button", { type: "button", class: "link", onclick: () => context.go(new DeliveryView(row.id, this)) }, context.date(row.created_at))),
      h("td", {}, badge(texts, row.status)),
      h("td", { class: "event" }, ...breakable(row.event_type)),
      h("td", { class: "wide" }, row.endpoint),
      h("td", { class: "wide number" }, texts.attemptOf(row.attempts, row.max_attempts)),
      h("td", { class: "wide" }, row.response_status === null ? (row.error_message ?? "") : String(row.response_status))));
    const columns = [texts.time, texts.status, texts.event, texts.endpoint, texts.attempts, texts.response];
    const head = h("tr", {}, ...columns.map((name, at) => h("th", { scope: "col", class: at > 2 ? "wide" : null }, name)));
    const filtered = Object.keys(this.filters).length;
    return [
      heading(texts.deliveries, fold(filtered ? `${texts.filters} (${filtered})` : texts.filters)), this.#form(context, endpoints, types),
      rows.length ? h("table", { "aria-label": texts.deliveries }, h("thead", {}, head), h("tbody", {}, ...rows))
        : h("p", { class: "empty" }, filtered ? texts.noneFound : texts.noDeliveries),
      page.searched_until ? h("p", { class: "note" }, texts.searchedUntil(context.date(page.searched_until))) : h("span", {}),
      h("div", { class: "actions" },
        filtered > 0 && button(context, texts.clear, () => context.follow(new DeliveriesView())),
        this.after && button(context, texts.newest, () => context.go(new DeliveriesView(this.filters))),
        page.next && button(context, texts.older, () => context.go(new DeliveriesView(this.filters, page.next)))),
    ];
  }

  #form(context: Context, endpoints: Endpoint[], types: EventType[]): Node {
    const { texts } = context;
    const chosen = this.filters;
    const option = (value: string, text: string, on: string | undefined) => h("option", { value, selected: value === on }, text);
    const select = (id: string, label: string, on: string | undefined, options: [string, string][]) => h("div", { class: "field" }, h("label", { for: id }, label),
      h("select", { id, name: id }, option("", texts.any, on ?? ""), ...options.map(([value, text]) => option(value, text, on))));
    const time = (id: string, label: string, on: string | undefined) => h("div", { class: "field moment" }, h("label", { for: id }, label),
      h("input", { type: "datetime-local", id, name: id, value: on ? local(on) : "" }));
    const onchange = (event: Event) => {
      const form = new FormData(event.currentTarget as HTMLFormElement);
      const filters: Record<string, string> = {};
      for (const [name, value] of form) if (value) filters[name] = name.startsWith("created_") ? new Date(String(value)).toISOString() : String(value);
      context.follow(new DeliveriesView(filters));
    };
    return h("form", { class: "filters", id: "filters", "aria-label": texts.filters, onchange, onsubmit: (event) => event.preventDefault(), "data-key": "filters" },
      select("webhook_config_id", texts.endpoint, chosen.webhook_config_id, endpoints.map((one) => [one.id, one.name])),
      select("status", texts.status, chosen.status, STATUSES.map((status) => [status, texts[status]])),
      select("event_type", texts.event, chosen.event_type, types.map((type) => [type.name, type.name])),
      time("created_from", texts.from, chosen.created_from), time("created_until", texts.until, chosen.created_until));
  }
}

/** What unfolds the filters where there is little room: style.ts hides it elsewhere. */
function fold(text: string): HTMLElement {
  const onclick = (event: Event) => {
    const pressed = event.currentTarget as HTMLElement;
    pressed.setAttribute("aria-expanded", String(pressed.getAttribute("aria-expanded") === "false"));
  };
  return h("button", { type: "button", class: "fold", "aria-expanded": "false", "aria-controls": "filters", onclick }, text);
}

/** A moment as a field for local times shows it. */
function local(iso: string): string {
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
