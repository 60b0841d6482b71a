// A frontend: signs up, signs in, and dispatches all nine events with supabase-js, as a browser would.
import { createClient } from "@supabase/supabase-js";

const supabase = createClient(process.env.SUPABASE_URL, process.env.PUBLISHABLE_KEY);
const account = { email: `ana-${Date.now()}@example.com`, password: crypto.randomUUID() };

const signUp = await supabase.auth.signUp(account);
if (signUp.error) throw signUp.error;
const signIn = await supabase.auth.signInWithPassword(account);
if (signIn.error) throw signIn.error;

const types = await supabase
  .from("webhook_event_types")
  .select("name, example")
  .is("analytics_destination", null)
  .order("name");
if (types.error) throw types.error;

for (const { name, example } of types.data) {
  const { data, error } = await supabase.rpc("dispatch_webhook", {
    event_type: name,
    event_data: example,
    actor_user_id: signIn.data.user.id,
  });
  if (error) throw error;
  console.log(JSON.stringify({ event: name, ...data }));
}
await supabase.auth.signOut();
