import { createClient } from "@supabase/supabase-js";
import { english, type Texts, type WebhooksPortal } from "supabase-webhooks-portal";

const portal: WebhooksPortal = document.querySelector("webhooks-portal")!;
const texts: Partial<Texts> = { noClient: "Sign in first.", perSecond: (n) => `${n}/s` };
portal.texts = { ...texts, back: english.back };

export function signedIn(url: string, key: string): void {
  portal.client = createClient(url, key);
  portal.tenant = "org_1";
}
