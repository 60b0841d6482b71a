/** A secret that is shown once, after an endpoint's creation or a rotation; and the rotation. */

import type { Endpoint } from "./api.js";
import { h } from "./dom.js";
import { EndpointView } from "./endpoint.js";
import { button, heading, type Context, type View } from "./view.js";

const HOURS = [24, 72, 168, 0];

export class SecretView implements View<null> {
  readonly tab = "endpoints";
  constructor(private readonly id: string, private readonly name: string, private readonly secret: string) {}

  interval(): null { return null; }
  async load(): Promise<null> { return null; }

  render(context: Context): Node[] {
    const { texts } = context;
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(this.secret);
      } catch {
        // without https there is no clipboard, and a frame may not use it
        return context.fail(new Error(texts.notCopied));
      }
      context.say(texts.copied);
    };
    return [
      heading(texts.secretOf(this.name)), h("p", {}, texts.secretOnce),
      h("p", { class: "secret" }, h("code", {}, this.secret), button(context, texts.copy, copy)),
      h("div", { class: "actions" }, button(context, texts.done, () => context.go(new EndpointView(this.id)), "primary")),
    ];
  }
}

export class RotationView implements View<null> {
  readonly tab = "endpoints";
  constructor(private readonly endpoint: Endpoint) {}

  interval(): null { return null; }
  async load(): Promise<null> { return null; }

  render(context: Context): Node[] {
    const { texts } = context;
    const hours = h("select", { id: "overlap" }, ...HOURS.map((n) => h("option", { value: n }, texts.hours(n))));
    const rotate = async () => {
      const { secret_key } = await context.api.rotate(this.endpoint.id, `${hours.value} hours`);
      context.interrupt(new SecretView(this.endpoint.id, this.endpoint.name, secret_key));
    };
    return [
      heading(`${texts.rotate}: ${this.endpoint.name}`), h("p", {}, texts.rotateText),
      h("div", { class: "field" }, h("label", { for: "overlap" }, texts.overlap), hours),
      h("div", { class: "actions" }, button(context, texts.rotate, rotate, "primary"),
        button(context, texts.cancel, () => context.go(new EndpointView(this.endpoint.id)))),
    ];
  }
}
