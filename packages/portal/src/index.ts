import { WebhooksPortal } from "./portal.js";

export { WebhooksPortal };
export { english, type Texts } from "./texts.js";

declare global {
  interface HTMLElementTagNameMap { "webhooks-portal": WebhooksPortal }
}

if (!customElements.get("webhooks-portal")) customElements.define("webhooks-portal", WebhooksPortal);
