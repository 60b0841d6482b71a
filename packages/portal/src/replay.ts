/** Sending an endpoint's deliveries of a time range again: counted first, then sent batch by batch. */

import type { Cursor, Endpoint, EventType, Replay } from "./api.js";
import { h } from "./dom.js";
import { EndpointView } from "./endpoint.js";
import { button, heading, type Context, type View } from "./view.js";

export class ReplayView implements View<EventType[]> {
  readonly tab = "endpoints";
  constructor(private readonly endpoint: Endpoint) {}

  interval(): null { return null; }
  load({ api }: Context): Promise<EventType[]> { return api.eventTypes(); }

  render(context: Context, types: EventType[]): Node[] {
    const { texts } = context;
    const status = h("select", { id: "status" }, h("option", { value: "failed" }, texts.failed), h("option", { value: "delivered" }, texts.delivered));
    const event = h("select", { id: "event" }, h("option", { value: "" }, texts.any), ...types.map((type) => h("option", { value: type.name }, type.name)));
    const from = h("input", { type: "datetime-local", id: "from" });
    const until = h("input", { type: "datetime-local", id: "until" });
    const progress = h("p", { role: "status" });
    const confirm = h("span", { class: "confirm" });
    const count = async () => {
      const what: Replay = {
        webhook_config_id: this.endpoint.id, status: status.value as Replay["status"],
        ...(event.value && { event_type: event.value }),
        ...(from.value && { created_from: new Date(from.value).toISOString() }),
        ...(until.value && { created_until: new Date(until.value).toISOString() }),
      };
      const found = await context.api.replay(what, true, null);
      const n = found.matching ?? 0;
      progress.textContent = texts.matching(n, found.bounded);
      // until the moment of the count, so that what is sent is what was counted
      const send = () => this.#send(context, { ...what, created_until: found.created_until }, progress, confirm);
      confirm.replaceChildren(...(n ? [button(context, texts.sendAgain(`${n}${found.bounded ? "+" : ""}`), send, "primary")] : []));
    };
    const reset = () => { progress.textContent = ""; confirm.replaceChildren(); };
    const field = (label: string, control: HTMLElement) => h("div", { class: "field", onchange: reset }, h("label", { for: control.id }, label), control);
    return [
      heading(texts.replayOf(this.endpoint.name)), h("p", {}, texts.replayText),
      h("div", { class: "filters" }, field(texts.status, status), field(texts.event, event), field(texts.from, from), field(texts.until, until)),
      progress,
      h("div", { class: "actions" }, confirm, button(context, texts.count, count),
        button(context, texts.back, () => context.go(new EndpointView(this.endpoint.id)))),
    ];
  }

  async #send(context: Context, what: Replay, progress: HTMLElement, confirm: HTMLElement): Promise<void> {
    let sent = 0;
    let next: Cursor | null = null;
    do {
      const batch = await context.api.replay(what, false, next);
      sent += batch.replayed;
      next = batch.next;
      progress.textContent = context.texts.replaying(sent);
    } while (next && context.shown());
    if (!context.shown()) return context.say(next ? context.texts.replayStopped(sent) : context.texts.replayed(sent));
    progress.textContent = context.texts.replayed(sent);
    confirm.replaceChildren();
  }
}
