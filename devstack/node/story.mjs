// A frontend of the platform: a user signs up and uses it, through supabase-js and under row level security. It
// dispatches nothing: the database emits the events. With DISPATCH=1 it does what the old frontends still do, and
// calls dispatch_webhook after each change; the results are printed.
import { createClient } from "@supabase/supabase-js";

const supabase = createClient(process.env.SUPABASE_URL, process.env.PUBLISHABLE_KEY);
const account = { email: `ana-${Date.now()}@example.com`, password: crypto.randomUUID() };

function ok({ data, error }) {
  if (error) throw new Error(error.message);
  return data;
}

let user;
async function happened(event, data, actor = user.id) {
  const line = { event, actor, data };
  if (process.env.DISPATCH) {
    const call = { event_type: event, event_data: data, actor_user_id: actor === user.id ? actor : null };
    line.answer = ok(await supabase.rpc("dispatch_webhook", call));
  }
  console.log(JSON.stringify(line));
}

// What the platform shows: the host's community, event, discussion and comment.
ok(await supabase.auth.signUp({ ...account, options: { data: { name: "Ana" } } }));
user = ok(await supabase.auth.signInWithPassword(account)).user;
await happened("user.joined_platform", { user_id: user.id, email: account.email, name: "Ana" });
ok(await supabase.from("users").insert({ id: user.id, name: "Ana" }));
const community = ok(await supabase.from("communities").select().limit(1).single());
const event = ok(await supabase.from("events").select().limit(1).single());
const comment = ok(await supabase.from("discussion_comments").select().limit(1).single());

ok(await supabase.from("community_members").insert({ user_id: user.id, community_id: community.id }));
await happened("user.joined_community", {
  community_id: community.id,
  community_name: community.name,
  community_city: community.city,
});

const registration = ok(
  await supabase
    .from("event_registrations")
    .insert({ user_id: user.id, event_id: event.id, payment_id: "pay_123" })
    .select()
    .single(),
);
await happened("user.registered_event", {
  event_id: event.id,
  registration_id: registration.id,
  payment_id: "pay_123",
  status: "registered",
});

ok(await supabase.from("event_registrations").delete().eq("id", registration.id));
await happened("user.cancelled_registration", { event_id: event.id, registration_id: registration.id });

const posted = ok(
  await supabase
    .from("discussion_comments")
    .insert({ discussion_id: comment.discussion_id, user_id: user.id, text: "Grüezi 🎉" })
    .select()
    .single(),
);
await happened("user.posted_comment", {
  discussion_id: comment.discussion_id,
  comment_id: posted.id,
  comment_text: "Grüezi 🎉",
});

const flag = { comment_id: comment.id, flagged_user_id: comment.user_id, reason: "spam" };
ok(await supabase.from("flags").insert({ ...flag, flagged_by_id: user.id }));
await happened("user.flagged_comment", flag);

const referral = ok(
  await supabase.rpc("apply_referral_code", { _referral_code: "HANA2026", _new_user_id: user.id }),
);
if (!referral.success) throw new Error("the referral code was rejected");
// the platform dispatches this one itself, in apply_referral_code: no frontend ever did
console.log(
  JSON.stringify({
    event: "user.referred_user",
    actor: referral.referrer_id,
    data: { referred_user_id: user.id, referrer_id: referral.referrer_id, referral_code: "HANA2026" },
  }),
);

// Two discussions of her own: one is extended by a week, the other expires at once and waits for the hourly cron.
const discussion = (title, expires) => ({
  community_id: community.id,
  title,
  created_by: user.id,
  expires_at: new Date(expires).toISOString(),
});
const [extended, expired] = ok(
  await supabase
    .from("discussions")
    .insert([discussion("Next book", Date.now() + 3_600_000), discussion("Last book", Date.now() - 1_000)])
    .select(),
);
const later = new Date(Date.now() + 7 * 86_400_000).toISOString();
ok(await supabase.from("discussions").update({ expires_at: later }).eq("id", extended.id));
await happened("discussion.extended", { discussion_id: extended.id, new_expires_at: later });
console.log(JSON.stringify({ event: "discussion.auto_closed", actor: null, data: { discussion_id: expired.id } }));
await supabase.auth.signOut();
