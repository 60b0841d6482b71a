// Uses of the generated module: tsc must accept all but what is marked, and Node runs it.
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { dispatch, type WebhookPayload } from "./events.ts";

type Database = {
  public: {
    Tables: Record<string, never>;
    Views: Record<string, never>;
    Functions: { dispatch_webhook: { Args: { event_type: string; event_data: unknown }; Returns: unknown } };
  };
};

export function receive(payload: WebhookPayload): string {
  switch (payload.event) {
    case "user.joined_community":
      return payload.data.community_name;
    case "user.registered_event":
      // @ts-expect-error payment_id may be null
      return payload.data.payment_id;
    case "order.placed":
      return payload.data.total.toFixed(payload.data.lines?.length);
    default:
      return payload.request_id;
  }
}

export function wrong(supabase: SupabaseClient, typed: SupabaseClient<Database>): void {
  const data = { community_id: "c", community_name: "n", community_city: "z" };
  void dispatch(typed, "user.joined_community", data, { idempotencyKey: "k", actorUserId: null });
  // @ts-expect-error no such event
  void dispatch(supabase, "user.unheard_of", data);
  // @ts-expect-error an analytics event is not a webhook
  void dispatch(supabase, "page_view", {});
  // @ts-expect-error another event's data
  void dispatch(supabase, "user.posted_comment", data);
  // @ts-expect-error a key is missing
  void dispatch(supabase, "user.joined_community", { community_id: "c" });
}

const env = (globalThis as unknown as { process: { env: Record<string, string> } }).process.env;
const supabase = createClient(env.SUPABASE_URL!, env.PUBLISHABLE_KEY!);
const account = { email: "ana@example.com", password: crypto.randomUUID() };
await supabase.auth.signUp(account);
await supabase.auth.signInWithPassword(account);
const placed = await dispatch(supabase, "order.placed", { id: 1, total: 12.5 }, { idempotencyKey: "order-1" });
const again = await dispatch(supabase, "order.placed", { id: 1, total: 12.5 }, { idempotencyKey: "order-1" });
let refused = "";
try {
  await dispatch(supabase, "order.placed", { id: 1, total: 12.5 }, { actorUserId: crypto.randomUUID() });
} catch (error) {
  refused = (error as { message: string }).message;
}
console.log(JSON.stringify({ placed, again, refused }));
