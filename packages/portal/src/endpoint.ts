/** One endpoint: its health and settings, what can be done with it, and a test whose response is shown in place. */

import type { Delivery, Endpoint, EventType } from "./api.js";
import { DeletionView } from "./deletion.js";
import { DeliveriesView } from "./deliveries.js";
import { attempts, outcome } from "./delivery.js";
import { h } from "./dom.js";
import { success, EndpointsView } from "./endpoints.js";
import { FormView, scheduleOf } from "./form.js";
import { ReplayView } from "./replay.js";
import { RotationView } from "./secret.js";
import { badge, busy, button, EVERY, facts, heading, type Context, type View } from "./view.js";

interface Data { endpoint: Endpoint; types: EventType[]; test: Delivery | null }

export class EndpointView implements View<Data> {
  readonly tab = "endpoints";
  #test: string | null = null;
  #types: EventType[] | null = null;
  constructor(private readonly id: string) {}

  interval({ test }: Data): number {
    return test && !test.finished_at && !test.attempt_log.length ? 700 : EVERY;
  }

  async load({ api }: Context): Promise<Data> {
    const [endpoint, types, test] = await Promise.all([
      api.endpoint(this.id), this.#types ?? api.eventTypes(), this.#test ? api.delivery(this.#test) : null]);
    this.#types = types;
    return { endpoint, types, test };
  }

  render(context: Context, { endpoint, types, test }: Data): Node[] {
    const { texts, api } = context;
    const { health } = endpoint;
    const why = [health.since && texts.since(context.date(health.since)), health.reason].filter(Boolean).join(": ");
    return [
      button(context, texts.endpoints, () => context.go(new EndpointsView()), "back"),
      heading(endpoint.name, badge(texts, health.status)),
      this.#actions(context, endpoint),
      why && h("p", { class: "why" }, why),
      endpoint.url_warning && h("p", { class: "why" }, endpoint.url_warning),
      endpoint.previous_secret_until && h("p", { class: "note" }, texts.previousUntil(context.date(endpoint.previous_secret_until)), " ",
        context.manages && button(context, texts.endOverlap, async () => {
          await api.endOverlap(endpoint.id);
          context.say(texts.overlapEnded);
          await context.refresh();
        })),
      facts([
        [texts.url, h("code", {}, endpoint.url)],
        [texts.events, endpoint.events.includes("*") ? texts.allEvents : endpoint.events.join(", ")],
        [texts.lastDay, success(context, endpoint)],
        health.p50_ms !== null && health.p95_ms !== null && [texts.durations, texts.p50p95(health.p50_ms, health.p95_ms)],
        [texts.waiting, String(endpoint.waiting)],
        endpoint.rate_limit_per_second !== null && [texts.rate, texts.perSecond(endpoint.rate_limit_per_second)],
        [texts.retries, { standard: texts.standard, quick: texts.quick, other: texts.attemptsLimit(endpoint.retry_schedule?.length ? endpoint.retry_schedule.length + 1 : endpoint.max_attempts) }[scheduleOf(endpoint)]],
        endpoint.header_names.length > 0 && [texts.headers, endpoint.header_names.join(", ")],
        [texts.createdAt, context.date(endpoint.created_at)],
      ]),
      context.manages && endpoint.is_active && this.#tester(context, endpoint, types),
      test && h("section", { "data-key": "test", "aria-label": texts.test }, outcome(context, test), ...attempts(context, test)),
    ].filter((node) => node instanceof Node);
  }

  #actions(context: Context, endpoint: Endpoint): Node {
    const { texts, api } = context;
    const pause = async () => {
      await api.update(endpoint.id, { is_active: !endpoint.is_active, updated_at: endpoint.updated_at });
      context.say(endpoint.is_active ? texts.wasPaused : texts.wasResumed);
      await context.refresh();
    };
    const deliveries = button(context, texts.deliveries, () => context.go(new DeliveriesView({ webhook_config_id: endpoint.id })));
    if (!context.manages) return h("div", { class: "actions" }, deliveries);
    return h("div", { class: "actions" },
      button(context, texts.edit, () => context.go(new FormView(endpoint))),
      button(context, endpoint.is_active ? texts.pause : texts.resume, pause),
      deliveries,
      button(context, texts.replay, () => context.go(new ReplayView(endpoint))),
      button(context, texts.rotate, () => context.go(new RotationView(endpoint))),
      button(context, texts.remove, () => context.go(new DeletionView(endpoint)), "danger"));
  }

  #tester(context: Context, endpoint: Endpoint, types: EventType[]): Node {
    const { texts } = context;
    const options = types.filter((type) => receives(endpoint, type.name)).map((type) => h("option", { value: type.name }, type.name));
    const choice = h("select", { id: "test-event" }, h("option", { value: "" }, texts.testExample), ...options);
    const onsubmit = (event: Event) => {
      event.preventDefault();
      const form = event.currentTarget as HTMLFormElement;
      const send = async () => {
        const chosen = form.querySelector("select")?.value ?? "";
        this.#test = (await context.api.test(endpoint.id, chosen || null)).delivery_id;
        await context.refresh();
      };
      void busy(form.querySelector("button")!, send).catch(context.fail);
    };
    return h("form", { class: "inline", "data-key": "tester", onsubmit },
      h("h3", {}, texts.test), h("label", { for: "test-event" }, texts.testEvent), choice, h("button", { type: "submit" }, texts.send));
  }
}

function receives(endpoint: Endpoint, type: string): boolean {
  return endpoint.events.some((pattern) => pattern === "*" || pattern === type || pattern === `${type.split(".")[0]}.*`);
}
