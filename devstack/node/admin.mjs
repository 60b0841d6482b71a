// What Supabase Lite lacks of Supabase Auth's admin API: to create a user, and to change one's app_metadata.
import postgres from "postgres";

const { DATABASE_URL, PUBLISHABLE_KEY, SECRET_KEY } = process.env;
const USERS = /^\/auth\/v1\/admin\/users(?:\/([0-9a-f-]{36}))?$/;

const sql = postgres(DATABASE_URL, { max: 1, onnotice: () => {} });
const error = (status, code, msg) => Response.json({ code: status, error_code: code, msg }, { status });

/** Return the response to a request of the admin API, or undefined for any other. */
export function admin(app, request) {
  const found = new URL(request.url).pathname.match(USERS);
  return found ? respond(app, request, found[1]) : undefined;
}

async function respond(app, request, given) {
  if (request.headers.get("apikey") !== SECRET_KEY) return error(403, "not_admin", "User not allowed");
  const body = await request.json();
  let id = given;
  if (request.method === "POST" && !id) {
    const signup = await app.fetch(
      new Request(new URL("/auth/v1/signup", request.url), {
        method: "POST",
        headers: { apikey: PUBLISHABLE_KEY, "Content-Type": "application/json" },
        body: JSON.stringify({ email: body.email, password: body.password }),
      }),
    );
    if (!signup.ok) return signup;
    id = (await signup.json()).user.id;
  } else if (request.method !== "PUT" || !id) {
    return error(405, "validation_failed", "the embedded stack does not do this");
  }
  // as supabase/auth: key by key, and null deletes
  const changes = JSON.stringify(body.app_metadata ?? {});
  const [user] = await sql`
    update auth.users as u
    set raw_app_meta_data = (
          select coalesce(jsonb_object_agg(m.key, m.value), '{}')
          from jsonb_each(coalesce(u.raw_app_meta_data::jsonb, '{}') || ${changes}::text::jsonb) as m
          where m.value <> 'null')
    where u.id = ${id}
    returning u.id, u.email, u.raw_app_meta_data as app_metadata, u.raw_user_meta_data as user_metadata`;
  return user ? Response.json(user) : error(404, "user_not_found", "User not found");
}
