// A Supabase project's address: its Edge Functions by name (PORTS: {"name": port}), the rest is SUPABASE_URL's.
// Hosted Supabase lets every origin sign in, which Supabase Lite leaves out.
const ports: Record<string, number> = JSON.parse(Deno.env.get("PORTS")!);
const supabase = Deno.env.get("SUPABASE_URL")!;

Deno.serve(async (request) => {
  const { pathname, search } = new URL(request.url);
  const [, name] = pathname.match(/^\/functions\/v1\/([^/]+)$/) ?? [];
  const cors = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": request.headers.get("access-control-request-headers") ?? "",
  };
  if (!name && request.method === "OPTIONS") return new Response(null, { headers: cors });
  const target = name in ports ? `http://127.0.0.1:${ports[name]}/${name}` : `${supabase}${pathname}`;
  const headers = new Headers(request.headers);
  headers.delete("host");
  headers.delete("accept-encoding");
  const options = { method: request.method, headers, body: request.body, redirect: "manual" } as const;
  const response = await fetch(`${target}${search}`, options);
  if (name) return response;
  const more = Object.entries(cors);
  const own = [...response.headers].filter(([key]) => !key.startsWith("access-control-"));
  return new Response(response.body, { status: response.status, headers: [...own, ...more] });
});
