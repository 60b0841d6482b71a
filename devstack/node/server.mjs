// Supabase Lite (REST, Auth, Studio) on a Postgres database. Everything comes from the environment.
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { serve } from "@hono/node-server";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { admin } from "./admin.mjs";

// Lite passes JSON parameters on as text already; the driver would encode them a second time.
const jsonAsText = (oid) => ({
  to: oid,
  from: [oid],
  serialize: (value) => (typeof value === "string" ? value : JSON.stringify(value)),
  parse: (text) => JSON.parse(text),
});

// PostgREST writes 2026-01-02T03:04:05+00:00 where Postgres prints 2026-01-02 03:04:05+00; supabase-py insists.
const isoTimestamp = {
  to: 1184,
  from: [1184],
  serialize: (value) => (value instanceof Date ? value.toISOString() : value),
  parse: (text) => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"),
};

const { DATABASE_URL, PORT, PUBLISHABLE_KEY, SECRET_KEY, JWT_SECRET } = process.env;

const app = new App({
  connection: createPostgresConnection({
    url: DATABASE_URL,
    postgresOptions: {
      types: { json: jsonAsText(114), jsonb: jsonAsText(3802), timestamptz: isoTimestamp },
      max: 10,
      onnotice: () => {},
    },
  }),
  auth: {
    enabled: true,
    jwt_secret: JWT_SECRET,
    publishable_key: PUBLISHABLE_KEY,
    secret_key: SECRET_KEY,
    // a sign-up is complete at once: no one reads mail here
    email: { enable_signup: true, enable_confirmations: false },
  },
  // Studio at / works without a key, from this machine only
  options: { server: { admin: true } },
});

// Studio's files. The package exports them by their path; the app itself returns its page for every path.
const TYPES = { ".css": "text/css", ".ico": "image/x-icon", ".js": "text/javascript", ".woff2": "font/woff2" };

function studio(request) {
  const { pathname } = new URL(request.url);
  return pathname.startsWith("/static/") ? file(pathname) : undefined;
}

async function file(pathname) {
  try {
    const content = await readFile(new URL(import.meta.resolve(`@supabase/lite${pathname}`)));
    return new Response(content, { headers: { "Content-Type": TYPES[extname(pathname)] ?? "text/plain" } });
  } catch {
    return new Response("not found", { status: 404 });
  }
}

// PostgREST reads a changed schema at once; Lite keeps the one that it has read first.
const LACKING = ["PGRST202", "PGRST205"];

async function withNewSchema(request, peer) {
  const again = request.clone();
  const response = await app.fetch(request, peer);
  if (response.status !== 404) return response;
  const problem = await response.clone().json().catch(() => ({}));
  if (!LACKING.includes(problem.code)) return response;
  await app.connection.introspect();
  return app.fetch(again, peer);
}

// Browsers of another origin sign in and call functions, as at Supabase. Lite allows them REST and storage, but not sign-in,
// nor a function that it has not read yet.
async function crossOrigin(request, respond) {
  const preflight = request.method === "OPTIONS";
  if (!preflight && !new URL(request.url).pathname.startsWith("/auth/v1/")) return respond();
  const response = preflight ? new Response(null, { status: 204 }) : await respond();
  const headers = new Headers(response.headers);
  headers.set("Access-Control-Allow-Origin", "*");
  if (preflight) {
    headers.set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    headers.set("Access-Control-Allow-Headers", request.headers.get("Access-Control-Request-Headers") ?? "");
  }
  return new Response(response.body, { status: response.status, headers });
}

serve({
  port: Number(PORT),
  hostname: "127.0.0.1",
  fetch: (request, env) =>
    crossOrigin(
      request,
      () =>
        admin(app, request) ??
        studio(request) ??
        withNewSchema(request, { peerAddress: env.incoming.socket.remoteAddress ?? null }),
    ),
});
