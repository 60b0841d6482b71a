/** What a view is: it loads, and renders what it loaded. The portal calls both, again and again. */

import { CallError, type Api } from "./api.js";
import { h } from "./dom.js";
import type { Texts } from "./texts.js";

export type Tab = "endpoints" | "deliveries" | "eventTypes";

export interface Context {
  readonly api: Api;
  readonly texts: Texts;
  /** Whether the user may change anything. */
  readonly manages: boolean;
  /** Show a view, and give its heading the focus; not if the person has gone elsewhere meanwhile, and may be typing there. */
  go(view: View): void;
  /** Show a view wherever the person has gone: what it has is shown once. */
  interrupt(view: View): void;
  /** Show a view of the same kind in this one's place: the focus and what is typed stay. */
  follow(view: View): void;
  /** Load and render now. */
  refresh(): Promise<void>;
  /** Whether the view that this is for is still shown: what goes step by step ends when it is not. */
  shown(): boolean;
  /** Tell what was done, or what went wrong. */
  say(message: string): void;
  fail(error: unknown): void;
  date(iso: string): string;
}

export interface View<T = any> {
  readonly tab: Tab;
  /** Milliseconds until it is loaded again, or null: never, someone fills in a form. */
  interval(data: T): number | null;
  load(context: Context): Promise<T>;
  render(context: Context, data: T): Node[];
}

export const EVERY = 5000;

/** Run what a button does, once at a time. It is not disabled meanwhile, which would take the focus away. */
export async function busy(pressed: HTMLButtonElement, action: () => unknown): Promise<void> {
  if (pressed.hasAttribute("aria-disabled")) return;
  pressed.setAttribute("aria-disabled", "true");
  try {
    await action();
  } finally {
    pressed.removeAttribute("aria-disabled");
  }
}

/** A button; an error of its action is shown. The second click of a double click does nothing, whatever is there by then. */
export function button(context: Context, text: string, action: () => unknown, kind = ""): HTMLButtonElement {
  const onclick = (event: Event) => {
    if ((event as MouseEvent).detail <= 1) void busy(event.currentTarget as HTMLButtonElement, action).catch(context.fail);
  };
  return h("button", { type: "button", class: kind, onclick }, text);
}

export function heading(text: string, ...more: Node[]): HTMLElement {
  return h("header", {}, h("h2", { tabindex: "-1" }, text), ...more);
}

/** Status and health: a word with a shape, so that color is never all. */
export function badge(texts: Texts, status: "healthy" | "failing" | "paused" | "disabled" | "pending" | "processing" | "delivered" | "failed"): HTMLElement {
  return h("span", { class: `badge ${status}` }, texts[status]);
}

export function facts(rows: (readonly [string, Node | string] | false | null | undefined)[]): HTMLElement {
  const list = h("dl", {});
  for (const row of rows) if (row) list.append(h("dt", {}, row[0]), h("dd", {}, row[1]));
  return list;
}

/** What went wrong, as a sentence with its fix. */
export function reason(texts: Texts, error: unknown): string {
  if (!(error instanceof CallError)) return error instanceof Error ? error.message : String(error);
  if (error.code === "PT429") return texts.tooMany;
  if (error.status === 0 || /failed to fetch|networkerror|load failed/i.test(error.message)) return texts.offline;
  if (error.status === 401 && error.code) return texts.signedOut;
  if (error.code === "42501") return texts.noAccess;
  // not from the database: a page of a proxy, say
  if (!error.code && (error.status >= 500 || !error.message || error.message.includes("<"))) return texts.unexpected(error.status);
  const message = error.message.charAt(0).toUpperCase() + error.message.slice(1);
  return [message.replace(/\.?$/, "."), error.hint].filter(Boolean).join(" ");
}
