/** The element: a customer's endpoints, deliveries and event types, by the user's own supabase-js client. */

import { Api, type Client } from "./api.js";
import { DeliveriesView } from "./deliveries.js";
import { h, morph } from "./dom.js";
import { EndpointsView } from "./endpoints.js";
import { EventTypesView } from "./event_types.js";
import { css } from "./style.js";
import { english, type Texts } from "./texts.js";
import { reason, type Context, type Tab, type View } from "./view.js";

/** Milliseconds before another try, after a failure. */
const FIRST_WAIT = 5000, LONGEST_WAIT = 60_000;
const KEYS = Object.keys(english) as (keyof Texts)[];
const TABS: [Tab, () => View][] = [
  ["endpoints", () => new EndpointsView()], ["deliveries", () => new DeliveriesView()], ["eventTypes", () => new EventTypesView()]];

export class WebhooksPortal extends HTMLElement {
  static readonly observedAttributes = ["tenant", "locale"];
  readonly #root = this.attachShadow({ mode: "open" });
  readonly #nav = h("nav", { part: "navigation" });
  readonly #old = h("p", { class: "old", role: "alert", hidden: true });
  readonly #said = h("p", { class: "said", role: "status" });
  readonly #main = h("div", { class: "main", part: "main" });
  #client: Client | null = null;
  #texts: Texts = english;
  #view: View = new EndpointsView();
  /** The view whose content is shown; another is being loaded, or could not be. */
  #shown: View | null = null;
  #manages: boolean | null = null;
  #timer = 0;
  #wait: number | null = null;
  #loadedAt = "";
  #failures = 0;
  /** Counts what was asked for: an older response than the newest request is dropped. */
  #turn = 0;
  /** Counts the restarts: an action that ends for another tenant, or user, does nothing here. */
  #restarts = 0;
  /** Counts what was shown in another's place: an action that ends when something else is there leaves that alone. */
  #contents = 0;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.append(this.#nav, this.#old, this.#said, this.#main);
  }

  /** The app's supabase-js client, with the user's session. */
  get client(): Client | null { return this.#client; }
  set client(client: Client | null) {
    if (client === this.#client) return;
    this.#client = client;
    this.#restart();
  }

  /** The customer whose webhooks are shown, as in the app's `webhook_tenants`. */
  get tenant(): string { return this.getAttribute("tenant") ?? ""; }
  set tenant(tenant: string | null) { if (tenant) this.setAttribute("tenant", tenant); else this.removeAttribute("tenant"); }

  /** Texts that replace the English ones. */
  get texts(): Partial<Texts> { return this.#texts; }
  set texts(texts: Partial<Texts>) {
    const before = this.#texts;
    this.#texts = { ...english, ...texts };
    // a framework may set equal ones each time it renders: a form that someone fills in stays
    if (KEYS.some((key) => String(before[key]) !== String(this.#texts[key]))) this.#restart();
  }

  connectedCallback(): void {
    // properties that were set before the element was defined hide the accessors
    for (const name of ["client", "tenant", "texts"] as const) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete (this as Record<string, unknown>)[name];
      Object.assign(this, { [name]: value });
    }
    document.addEventListener("visibilitychange", this.#wake);
    this.#restart();
  }

  disconnectedCallback(): void {
    document.removeEventListener("visibilitychange", this.#wake);
    clearTimeout(this.#timer);
    this.#turn++;
  }

  attributeChangedCallback(_: string, before: string | null, now: string | null): void {
    if (before !== now) this.#restart();
  }

  readonly #wake = () => { if (!document.hidden && this.#wait !== null) void this.#load(); };

  #restart(): void {
    this.#restarts++;
    this.#contents++;
    if (!this.isConnected) return;
    this.#manages = null;
    this.#shown = null;
    this.#main.replaceChildren();
    this.#show(new EndpointsView(), false);
  }

  #show(view: View, focus: boolean): void {
    this.#view = view;
    this.#said.textContent = "";
    this.#failures = 0;
    this.#old.hidden = true;
    this.#turn++;
    this.#tabs();
    if (!this.#api()) {
      this.#main.removeAttribute("aria-busy");
      this.#main.replaceChildren(h("p", { class: "empty" }, this.#texts.noClient));
      return;
    }
    this.#main.setAttribute("aria-busy", "true");
    if (!this.#main.hasChildNodes()) this.#main.append(h("p", { class: "empty" }, this.#texts.loading));
    void this.#load().then(() => {
      if (focus && this.#shown === view) this.#main.querySelector<HTMLElement>("h2")?.focus();
    });
  }

  #tabs(): void {
    const current = this.#view.tab;
    this.#nav.setAttribute("aria-label", this.#texts.sections);
    morph(this.#nav, TABS.map(([tab, make]) => h("button", {
      type: "button", "data-key": tab, "aria-current": tab === current ? "page" : null, onclick: () => this.#show(make(), true),
    }, this.#texts[tab])));
  }

  /** Load the view and render it, and do so again after its interval. */
  async #load(): Promise<void> {
    clearTimeout(this.#timer);
    const api = this.#api();
    if (!api) return;
    const turn = ++this.#turn;
    const view = this.#view;
    const context = this.#context(api);
    try {
      const [data, manages] = await Promise.all([view.load(context), this.#manages ?? api.manages()]);
      if (turn !== this.#turn) return;
      this.#manages = manages;
      const again = this.#shown === view;
      if (!again) this.#contents++;
      const nodes = view.render(this.#context(api), data);
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
      const why = reason(this.#texts, error);
      if (this.#shown !== view) this.#main.replaceChildren();
      const said = this.#shown === view ? this.#texts.old(context.date(this.#loadedAt), why) : why;
      if (this.#old.textContent !== said) this.#old.textContent = said; // said once, not at each try
      this.#old.hidden = false;
      this.#main.classList.add("stale");
      this.#main.removeAttribute("aria-busy");
      this.#wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    }
    if (this.#wait !== null) this.#timer = window.setTimeout(() => { if (!document.hidden) void this.#load(); }, this.#wait);
  }

  #context(api: Api): Context {
    const format = this.#format();
    const restarts = this.#restarts, contents = this.#contents;
    const same = (act: () => unknown) => restarts === this.#restarts && act();
    const here = (act: () => unknown) => contents === this.#contents && act();
    const told = (text: string, bad: boolean) => { this.#said.classList.toggle("bad", bad); this.#said.textContent = text; };
    return {
      api, texts: this.#texts, manages: this.#manages === true,
      go: (view) => { here(() => this.#show(view, true)); },
      interrupt: (view) => { same(() => this.#show(view, true)); },
      follow: (view) => { here(() => { this.#shown = view; this.#show(view, false); }); },
      refresh: async () => { await here(() => this.#load()); },
      say: (message) => { same(() => told(message, false)); },
      fail: (error) => { same(() => told(reason(this.#texts, error), true)); },
      date: (iso) => format.format(new Date(iso)),
    };
  }

  /** The calls, once the page has given a client and a tenant. */
  #api(): Api | null {
    return typeof this.#client?.rpc === "function" && this.tenant ? new Api(this.#client, this.tenant) : null;
  }

  /** Times as `locale` writes them, else the page's `lang`, else the browser, which also replaces what is not a locale. */
  #format(): Intl.DateTimeFormat {
    const style = { dateStyle: "medium", timeStyle: "medium" } as const;
    try {
      return new Intl.DateTimeFormat(this.getAttribute("locale") ?? (this.closest("[lang]")?.getAttribute("lang") || undefined), style);
    } catch {
      return new Intl.DateTimeFormat(undefined, style);
    }
  }
}
