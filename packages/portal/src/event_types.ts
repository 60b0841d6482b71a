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
      const rows = [...fields(type.data_schema ?? {})];
      const head = h("tr", {}, ...[texts.field, texts.type, texts.meaning].map((name) => h("th", { scope: "col" }, name)));
      return h("details", { "data-key": type.name, open: types.length === 1 },
        h("summary", {}, h("code", {}, type.name), " ", h("span", { class: "note" }, type.description)),
        rows.length ? h("table", { "aria-label": type.name }, h("thead", {}, head), h("tbody", {}, ...rows.map((row) => h("tr", {},
          h("td", {}, h("code", {}, ...breakable(row.name)), row.required ? h("span", { class: "note" }, ` ${texts.required}`) : ""),
          h("td", { class: "type" }, row.type), h("td", {}, row.meaning))))) : h("span", {}),
        h("h3", {}, texts.example), code(JSON.stringify(type.example, null, 2), texts.example));
    })];
  }
}

interface Field { name: string; type: string; required: boolean; meaning: string }

/** The fields of a JSON Schema, those of objects within by their path. The database accepts more than schemas: the rest is skipped. */
export function* fields(schema: Schema, path = "", depth = 0): Generator<Field> {
  const required = Array.isArray(schema.required) ? schema.required : [];
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    if (typeof value !== "object" || value === null) continue;
    const full = path + name;
    const choices = Array.isArray(value.enum) ? value.enum.map((one) => JSON.stringify(one)).join(", ") : "";
    const type = [value.type].flat().filter(Boolean).join(" or ") || (choices ? "enum" : "any");
    const meaning = [value.description, value.format, choices].filter(Boolean).join("; ");
    yield { name: full, type, required: required.includes(name), meaning };
    if (depth < DEEPEST) yield* fields(value.items ?? value, `${full}${value.items ? "[]." : "."}`, depth + 1);
  }
}
