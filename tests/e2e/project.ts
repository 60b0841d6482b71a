// A Supabase project's address: its Edge Functions by name (PORTS: {"name": port}), the rest is SUPABASE_URL's.
const ports: Record<string, number> = JSON.parse(Deno.env.get("PORTS")!);
const supabase = Deno.env.get("SUPABASE_URL")!;

Deno.serve((request) => {
  const { pathname, search } = new URL(request.url);
  const [, name] = pathname.match(/^\/functions\/v1\/([^/]+)$/) ?? [];
  const target = name in ports ? `http://127.0.0.1:${ports[name]}/${name}` : `${supabase}${pathname}`;
  const headers = new Headers(request.headers);
  headers.delete("host");
  headers.delete("accept-encoding");
  return fetch(`${target}${search}`, { method: request.method, headers, body: request.body, redirect: "manual" });
});
