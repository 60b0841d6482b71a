/** The catalog: what each event type means, the fields of its data, and an example. */

import type { EventType, Schema } from "./api.js";
import { code } from "./delivery.js";
import { breakable, h } from "./dom.js";
import { heading, type Context, type View } from "./view.js";

const DEEPEST = 5;

export class EventTypesView implements View<EventType[]> {
  readonly tab = "eventTypes";
  interval(): number { return 60_000; }
  load({ api }: Context): Promise<EventType[]> { return api.eventTypes(); }

  render({ texts }: Context, types: EventType[]): Node[] {
    if (!types.length) return [heading(texts.eventTypes), h("p", { class: "empty" }, texts.noTypes)];
    return [heading(texts.eventTypes), ...types.map((type) => {
      const rows = [...fields(type.data_schema)];
      const head = h("tr", {}, ...[texts.field, texts.type, texts.meaning].map((name) => h("th", { scope: "col" }, name)));
      return h("details", { "data-key": type.name, class: "event" },
        h("summary", {}, h("code", {}, type.name), " ", h("span", { class: "note" }, type.description)),
        rows.length ? h("table", { "aria-label": type.name }, h("thead", {}, head), h("tbody", {}, ...rows.map((row) => h("tr", {},
          h("td", {}, h("code", {}, ...breakable(row.name)), row.required ? h("span", { class: "note" }, ` ${texts.required}`) : ""),
          h("td", {}, row.type), h("td", {}, row.meaning))))) : h("span", {}),
        h("h3", {}, texts.example), code(JSON.stringify(type.example, null, 2), texts.example));
    })];
  }
}

interface Field { name: string; type: string; required: boolean; meaning: string }

/** The fields of a JSON Schema, those of objects within by their path. */
export function* fields(schema: Schema, path = "", depth = 0): Generator<Field> {
  for (const [name, value] of Object.entries(schema?.properties ?? {})) {
    const full = path + name;
    const type = [value.type].flat().filter(Boolean).join(" or ") || (value.enum ? "enum" : "any");
    const meaning = [value.description, value.format, value.enum?.map((one) => JSON.stringify(one)).join(", ")].filter(Boolean).join("; ");
    yield { name: full, type, required: schema.required?.includes(name) ?? false, meaning };
    if (depth < DEEPEST) yield* fields(value.items ?? value, `${full}${value.items ? "[]." : "."}`, depth + 1);
  }
}
