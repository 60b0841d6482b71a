/** What the element shows: the sections, and one view, loaded again after its interval. */

import { CallError, type Api } from "./api.js";
import { DeliveriesView } from "./deliveries.js";
import { h, morph } from "./dom.js";
import { EndpointsView } from "./endpoints.js";
import { EventTypesView } from "./event_types.js";
import type { Texts } from "./texts.js";
import { reason, type Context, type Tab, type View } from "./view.js";

/** Milliseconds before another try, after a failure. */
const FIRST_WAIT = 5000, LONGEST_WAIT = 60_000;
const TABS: [Tab, () => View][] = [
  ["endpoints", () => new EndpointsView()], ["deliveries", () => new DeliveriesView()], ["eventTypes", () => new EventTypesView()]];

/** For whom, and in which words. Without an api there is no client or tenant. */
export interface Setting { readonly api: Api | null; readonly texts: Texts; times(): Intl.DateTimeFormat }

export class Screen {
  readonly #nav = h("nav", { part: "navigation" });
  readonly #old = h("p", { class: "old", role: "alert", hidden: true });
  readonly #said = h("p", { class: "said", role: "status" });
  readonly #main = h("div", { class: "main", part: "main" });
  /** An action that ends under another setting, of another tenant or user, does nothing here. */
  #setting: Setting | null = null;
  #view: View = new EndpointsView();
  /** The view whose content is shown; another is being loaded, or could not be. */
  #shown: View | null = null;
  #manages: boolean | null = null;
  /** Whether that was asked since this view was chosen; what was known before holds as long as it cannot be. */
  #asked = false;
  #timer = 0;
  #wait: number | null = null;
  #loadedAt = "";
  #failures = 0;
  /** Counts what was asked for: an older response than the newest request is dropped. */
  #turn = 0;
  /** Counts what was shown in another's place: an action that ends when something else is there leaves that alone. */
  #contents = 0;

  constructor(root: ParentNode) { root.append(this.#nav, this.#old, this.#said, this.#main); }

  /** Begin with the list of endpoints; nothing of the setting before stays. */
  start(setting: Setting): void {
    this.#setting = setting;
    this.#contents++;
    this.#manages = null;
    this.#shown = null;
    this.#main.replaceChildren();
    this.#show(new EndpointsView(), false);
  }

  /** Ask for nothing more, and drop what was asked for. */
  stop(): void {
    this.#setting = null;
    clearTimeout(this.#timer);
    this.#turn++;
  }

  /** Load now, unless someone fills in a form. */
  wake(): void { if (this.#wait !== null) void this.#load(); }

  #show(view: View, focus: boolean): void {
    const setting = this.#setting;
    if (!setting) return;
    this.#view = view;
    this.#asked = false; // asked again: the app may have given the user another role
    this.#said.textContent = "";
    this.#failures = 0;
    this.#old.hidden = true;
    this.#turn++;
    this.#tabs(setting.texts);
    if (!setting.api) {
      this.#main.removeAttribute("aria-busy");
      this.#main.replaceChildren(h("p", { class: "empty" }, setting.texts.noClient));
      return;
    }
    this.#main.setAttribute("aria-busy", "true");
    if (!this.#main.hasChildNodes()) this.#main.append(h("p", { class: "empty" }, setting.texts.loading));
    void this.#load().then(() => {
      if (focus && this.#shown === view) this.#main.querySelector<HTMLElement>("h2")?.focus();
    });
  }

  #tabs(texts: Texts): void {
    const current = this.#view.tab;
    this.#nav.setAttribute("aria-label", texts.sections);
    morph(this.#nav, TABS.map(([tab, make]) => h("button", {
      type: "button", "data-key": tab, "aria-current": tab === current ? "page" : null, onclick: () => this.#show(make(), true),
    }, texts[tab])));
  }

  /** Load the view and render it, and do so again after its interval. */
  async #load(): Promise<void> {
    clearTimeout(this.#timer);
    const setting = this.#setting;
    if (!setting?.api) return;
    const turn = ++this.#turn;
    const view = this.#view;
    const context = this.#context(setting, setting.api);
    try {
      const [data, manages] = await Promise.all([view.load(context), this.#mayManage(setting.api)]);
      if (turn !== this.#turn) return;
      this.#manages = manages;
      this.#asked = true;
      const again = this.#shown === view;
      if (!again) this.#contents++;
      const nodes = view.render(this.#context(setting, setting.api), data);
      if (again) morph(this.#main, nodes);
      else this.#main.replaceChildren(...nodes);
      this.#shown = view;
      this.#loadedAt = new Date().toISOString();
      this.#failures = 0;
      this.#old.hidden = true;
      this.#main.classList.remove("stale");
      this.#main.removeAttribute("aria-busy");
      this.#wait = view.interval(data);
    } catch (error) {
      if (turn !== this.#turn) return;
      const why = reason(setting.texts, error);
      if (this.#shown !== view) this.#main.replaceChildren();
      const said = this.#shown === view ? setting.texts.old(context.date(this.#loadedAt), why) : why;
      if (this.#old.textContent !== said) this.#old.textContent = said; // said once, not at each try
      this.#old.hidden = false;
      this.#main.classList.add("stale");
      this.#main.removeAttribute("aria-busy");
      this.#wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    }
    if (this.#wait !== null) this.#timer = window.setTimeout(() => { if (!document.hidden) void this.#load(); }, this.#wait);
  }

  async #mayManage(api: Api): Promise<boolean> {
    const known = this.#manages;
    if (known !== null && this.#asked) return known;
    try {
      return await api.manages();
    } catch (error) {
      if (known === null) throw error;
      return known;
    }
  }

  #context(setting: Setting, api: Api): Context {
    const times = setting.times();
    const view = this.#view;
    const contents = this.#contents;
    const same = (act: () => unknown) => setting === this.#setting && act();
    const here = (act: () => unknown) => same(() => contents === this.#contents && act());
    const told = (text: string, bad: boolean) => { this.#said.classList.toggle("bad", bad); this.#said.textContent = text; };
    return {
      api, texts: setting.texts, manages: this.#manages === true,
      go: (next) => { here(() => this.#show(next, true)); },
      interrupt: (next) => { same(() => this.#show(next, true)); },
      follow: (next) => { here(() => { this.#shown = next; this.#show(next, false); }); },
      refresh: async () => { await here(() => this.#load()); },
      shown: () => setting === this.#setting && view === this.#view,
      say: (message) => { same(() => told(message, false)); },
      fail: (error) => { same(() => { told(reason(setting.texts, error), true); this.#denied(error); }); },
      date: (iso) => times.format(new Date(iso)),
    };
  }

  /** Stop offering what the user may do no more. */
  #denied(error: unknown): void {
    if (!(error instanceof CallError && error.code === "42501")) return;
    this.#asked = false;
    void this.#load();
  }
}
