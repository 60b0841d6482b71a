// A frontend: signs up, signs in, and dispatches with supabase-js, as a browser would, the events that users may. The
// others are rejected, and dispatched by a server.
import { createClient } from "@supabase/supabase-js";

const supabase = createClient(process.env.SUPABASE_URL, process.env.PUBLISHABLE_KEY);
const server = createClient(process.env.SUPABASE_URL, process.env.SECRET_KEY, { auth: { persistSession: false } });
const account = { email: `ana-${Date.now()}@example.com`, password: crypto.randomUUID() };

const signUp = await supabase.auth.signUp(account);
if (signUp.error) throw signUp.error;
const signIn = await supabase.auth.signInWithPassword(account);
if (signIn.error) throw signIn.error;

// users see only the types that are for them
const types = await server
  .from("webhook_event_types")
  .select("name, example, users_may_dispatch")
  .is("analytics_destination", null)
  .order("name");
if (types.error) throw types.error;

for (const { name, example, users_may_dispatch } of types.data) {
  const call = { event_type: name, event_data: example, actor_user_id: signIn.data.user.id };
  const asUser = await supabase.rpc("dispatch_webhook", call);
  if (!users_may_dispatch && asUser.error?.code !== "42501") throw new Error(`${name} was forged`);
  const { data, error } = users_may_dispatch ? asUser : await server.rpc("dispatch_webhook", call);
  if (error) throw error;
  console.log(JSON.stringify({ event: name, ...data }));
}
await supabase.auth.signOut();
