/** The element: a customer's endpoints, deliveries and event types, by the user's own supabase-js client. */

import { Api, type Client } from "./api.js";
import { Screen } from "./screen.js";
import { css } from "./style.js";
import { english, type Texts } from "./texts.js";

const KEYS = Object.keys(english) as (keyof Texts)[];

export class WebhooksPortal extends HTMLElement {
  static readonly observedAttributes = ["tenant", "locale"];
  readonly #screen: Screen;
  #client: Client | null = null;
  #texts: Texts = english;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.#screen = new Screen(root);
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
    this.#screen.stop();
  }

  attributeChangedCallback(_: string, before: string | null, now: string | null): void {
    if (before !== now) this.#restart();
  }

  readonly #wake = () => { if (!document.hidden) this.#screen.wake(); };

  #restart(): void {
    if (!this.isConnected) return;
    this.#screen.start({ api: this.#api(), texts: this.#texts, times: () => this.#times() });
  }

  /** The calls, once the page has given a client and a tenant. */
  #api(): Api | null {
    return typeof this.#client?.rpc === "function" && this.tenant ? new Api(this.#client, this.tenant) : null;
  }

  /** Times as `locale` writes them, else the page's `lang`, else the browser, which also replaces what is not a locale. */
  #times(): Intl.DateTimeFormat {
    const style = { dateStyle: "medium", timeStyle: "medium" } as const;
    try {
      return new Intl.DateTimeFormat(this.getAttribute("locale") ?? (this.closest("[lang]")?.getAttribute("lang") || undefined), style);
    } catch {
      return new Intl.DateTimeFormat(undefined, style);
    }
  }
}
