import { createClient } from "@supabase/supabase-js";
import { english, type Texts, type WebhooksPortal } from "supabase-webhooks-portal";

/** As `supabase gen types` writes it. */
interface Database {
  public: {
    Tables: { orders: { Row: { id: string }; Insert: { id: string }; Update: { id?: string }; Relationships: [] } };
    Views: Record<never, never>;
    Functions: Record<never, never>;
  };
}

const portal: WebhooksPortal = document.querySelector("webhooks-portal")!;
const texts: Partial<Texts> = { noClient: "Sign in first.", perSecond: (n) => `${n}/s` };
portal.texts = { ...texts, back: english.back };

export function signedIn(url: string, key: string, typed: boolean): void {
  portal.client = typed ? createClient<Database>(url, key) : createClient(url, key);
  portal.tenant = "org_1";
}
