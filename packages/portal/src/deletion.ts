/** Deleting an endpoint, with its history or without, batch by batch. */

import type { Endpoint } from "./api.js";
import { h } from "./dom.js";
import { EndpointView } from "./endpoint.js";
import { EndpointsView } from "./endpoints.js";
import { button, heading, type Context, type View } from "./view.js";

export class DeletionView implements View<null> {
  readonly tab = "endpoints";
  constructor(private readonly endpoint: Endpoint) {}

  interval(): null { return null; }
  async load(): Promise<null> { return null; }

  render(context: Context): Node[] {
    const { texts } = context;
    const keep = h("input", { type: "radio", name: "history", id: "keep", checked: true });
    const progress = h("p", { role: "status" });
    const remove = async () => {
      let gone = 0;
      let more = true;
      while (more && context.shown()) {
        const batch = await context.api.delete(this.endpoint.id, keep.checked);
        gone += batch.deliveries;
        more = batch.more;
        progress.textContent = texts.deleting(gone);
      }
      if (context.shown()) context.go(new EndpointsView());
      context.say(more ? texts.deletionStopped : texts.deletedEndpoint);
    };
    return [
      heading(texts.deleteTitle(this.endpoint.name)), h("p", {}, h("code", {}, this.endpoint.url)),
      h("fieldset", {}, h("legend", {}, texts.deliveries),
        h("label", { class: "check" }, keep, texts.keepHistory),
        h("label", { class: "check" }, h("input", { type: "radio", name: "history", id: "drop" }), texts.deleteHistory)),
      progress,
      h("div", { class: "actions" }, button(context, texts.remove, remove, "danger"),
        button(context, texts.cancel, () => context.go(new EndpointView(this.endpoint.id)))),
    ];
  }
}
