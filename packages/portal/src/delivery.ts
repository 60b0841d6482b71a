/** One delivery: what was sent, each attempt with its wait and its response, and what it waits for. */

import type { Attempt, Delivery } from "./api.js";
import type { DeliveriesView } from "./deliveries.js";
import { h } from "./dom.js";
import { badge, button, EVERY, facts, heading, type Context, type View } from "./view.js";

export class DeliveryView implements View<Delivery> {
  readonly tab = "deliveries";
  constructor(private readonly id: string, private readonly list: DeliveriesView) {}

  interval({ finished_at }: Delivery): number { return finished_at ? 4 * EVERY : EVERY / 2; }
  load({ api }: Context): Promise<Delivery> { return api.delivery(this.id); }

  render(context: Context, delivery: Delivery): Node[] {
    const { texts } = context;
    const { endpoint } = delivery;
    const retry = async () => {
      await context.api.retry(delivery.id);
      context.say(texts.retried);
      await context.refresh();
    };
    const retries = context.manages && endpoint.is_active && delivery.status !== "processing";
    return [
      button(context, texts.deliveries, () => context.go(this.list), "back"),
      heading(texts.deliveryOf(delivery.event_type), badge(texts, delivery.status)),
      retries && h("div", { class: "actions" }, button(context, texts.retry, retry)),
      (delivery.waits_for || (delivery.status === "failed" && delivery.error_message)) && outcome(context, delivery),
      facts([
        [texts.endpoint, endpoint.deleted_at ? `${endpoint.name} (${texts.deletedMark})` : endpoint.name], [texts.url, h("code", {}, endpoint.url)],
        [texts.time, context.date(delivery.created_at)], [texts.attempts, texts.attemptOf(delivery.attempts, endpoint.max_attempts)],
        [texts.requestId, h("code", {}, delivery.request_id)],
      ]),
      h("h3", {}, texts.attempts), ...attempts(context, delivery),
      h("h3", {}, texts.payload), code(delivery.pretty_body && delivery.pretty_body !== "{}" ? delivery.pretty_body : texts.noPayload, texts.payload),
    ].filter((node) => node instanceof Node);
  }
}

/** How it stands, in a sentence. */
export function outcome({ texts, date }: Context, { status, error_message, waits_for }: Delivery): HTMLElement {
  const text = waits_for ? texts.waitsFor(waits_for.reason, waits_for.until ? date(waits_for.until) : "") : texts[status];
  return h("p", { class: "why", role: "status" }, [text, status === "delivered" ? "" : error_message].filter(Boolean).join(". "));
}

/** Each attempt; the last one is open. */
export function attempts(context: Context, delivery: Delivery): Node[] {
  const { texts } = context;
  const log = delivery.attempt_log;
  if (!log.length) return [h("p", { class: "note" }, texts.noAttempt)];
  return log.map((one, at) => {
    const before = at ? ended(log[at - 1]!) : Date.parse(delivery.created_at);
    const wait = texts.after(duration(Math.max(0, Date.parse(one.started_at) - before)));
    const result = one.response_status === null ? (one.delivered ? texts.delivered : texts.noResponse) : `HTTP ${one.response_status}`;
    const headers = Object.entries(one.response_headers ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n");
    return h("details", { "data-key": `attempt-${one.number}`, class: "attempt", open: at === log.length - 1 },
      h("summary", {}, h("span", { class: `mark ${one.delivered ? "delivered" : "failed"}` }), `${texts.attempt(one.number)}: ${result} `,
        h("span", { class: "note" }, `${context.date(one.started_at)}, ${wait}, ${texts.took(`${one.duration_ms} ms`)}`)),
      one.error && h("p", {}, one.error),
      ...(headers ? [caption(texts.responseHeaders), code(headers, texts.responseHeaders)] : []),
      ...(one.response_excerpt ? [caption(texts.response), code(one.response_excerpt, texts.response)] : one.response_status === null ? [] : [h("p", { class: "note" }, texts.noBody)]));
  });
}

/** A text as it is, in a box that can be scrolled, with the keyboard too. */
export function code(text: string, label: string): HTMLElement {
  return h("pre", { tabindex: "0", role: "group", "aria-label": label }, text);
}

function caption(text: string): HTMLElement {
  return h("p", { class: "note caption" }, text);
}

function ended(attempt: Attempt): number {
  return Date.parse(attempt.started_at) + attempt.duration_ms;
}

/** A time span, in its largest units. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  const parts: [number, string][] = [[Math.floor(seconds / 86400), "d"], [Math.floor(seconds / 3600) % 24, "h"], [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
  return parts.filter(([n]) => n).slice(0, 2).map(([n, unit]) => `${n} ${unit}`).join(" ");
}
