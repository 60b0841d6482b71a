/** The list of endpoints, with their health. */

import type { Endpoint } from "./api.js";
import { h } from "./dom.js";
import { EndpointView } from "./endpoint.js";
import { FormView } from "./form.js";
import { badge, button, EVERY, heading, type Context, type View } from "./view.js";

export class EndpointsView implements View<Endpoint[]> {
  readonly tab = "endpoints";
  interval(): number { return EVERY; }
  load({ api }: Context): Promise<Endpoint[]> { return api.endpoints(); }

  render(context: Context, all: Endpoint[]): Node[] {
    const { texts } = context;
    const create = button(context, texts.newEndpoint, () => context.go(new FormView(null)), "primary");
    const title = context.manages ? heading(texts.endpoints, create) : heading(texts.endpoints);
    if (!all.length) return [title, h("p", { class: "empty" }, texts.noEndpoints)];
    const rows = all.map((one) => h("tr", { "data-key": one.id },
      h("td", {}, h("button", { type: "button", class: "link", onclick: () => context.go(new EndpointView(one.id)) }, one.name),
        h("span", { class: "url" }, one.url)),
      h("td", {}, badge(texts, one.health.status)),
      h("td", { class: "wide" }, one.events.includes("*") ? texts.allEvents : one.events.join(", ")),
      h("td", { class: "wide" }, success(context, one))));
    const head = h("tr", {}, h("th", { scope: "col" }, texts.name), h("th", { scope: "col" }, texts.health),
      h("th", { scope: "col", class: "wide" }, texts.events), h("th", { scope: "col", class: "wide" }, texts.lastDay));
    return [title, h("table", { "aria-label": texts.endpoints }, h("thead", {}, head), h("tbody", {}, ...rows))];
  }
}

export function success({ texts }: Context, { health }: Endpoint): string {
  return health.success_percent === null ? texts.noAttempts : texts.success(health.success_percent, health.attempts);
}
