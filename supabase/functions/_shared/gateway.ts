// The platform's old Edge Functions are routes of the gateway now. Each function here passes its
// caller's request on, with the caller's own Authorization. It adds no key: what callers may do,
// the gateway decides.

/** Request headers that concern the gateway. */
const ASKED = ["authorization", "content-type", "traceparent", "user-agent"];

/** Response headers that concern the caller. */
const RETURNED = ["content-type", "retry-after", "www-authenticate"];

/** Returns a handler that sends each request to one of the gateway's routes, with the method that the route has. */
export function gateway(method: "GET" | "POST", route: string) {
  return async (request: Request): Promise<Response> => {
    const cors = {
      // any page may call, as before: without a token a call does nothing, and there are no cookies
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
      // as asked for: the headers that supabase-js sends differ from version to version
      "Access-Control-Allow-Headers":
        request.headers.get("access-control-request-headers") ??
          "authorization, x-client-info, apikey, content-type",
    };
    if (request.method === "OPTIONS") {
      return new Response(null, { status: 204, headers: cors });
    }
    const response = await pass(request, method, route);
    return new Response(response.body, {
      status: response.status,
      headers: [...picked(response.headers, RETURNED), ...Object.entries(cors)],
    });
  };
}

async function pass(
  request: Request,
  method: "GET" | "POST",
  route: string,
): Promise<Response> {
  let url: URL;
  try {
    url = address(route);
  } catch (error) {
    return problem(500, (error as Error).message);
  }
  url.search = new URL(request.url).search;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: picked(request.headers, ASKED),
      // whole, with its length: serverless hosts take no stream
      body: method === "GET" ? null : await request.arrayBuffer(),
      // another host would receive the caller's token
      redirect: "manual",
    });
  } catch {
    return problem(
      502,
      "the gateway did not respond: is the secret WEBHOOKS_GATEWAY_URL of this function correct, " +
        "and is the gateway running?",
    );
  }
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel();
    return problem(
      502,
      "the gateway redirects: set the secret WEBHOOKS_GATEWAY_URL of this function to its final address",
    );
  }
  return response;
}

/** Returns a route's address; throws an Error that says what is wrong with the setting. */
function address(route: string): URL {
  const base = Deno.env.get("WEBHOOKS_GATEWAY_URL")?.trim().replace(/\/+$/, "");
  const set = "supabase secrets set WEBHOOKS_GATEWAY_URL=https://...";
  if (!base) throw new Error(`WEBHOOKS_GATEWAY_URL is not set: ${set}`);
  const url = `${base}/functions/v1/${route}`;
  if (!/^https?:\/\//.test(base) || !URL.canParse(url)) {
    throw new Error(`WEBHOOKS_GATEWAY_URL is not the URL of a gateway: ${set}`);
  }
  const own = Deno.env.get("SUPABASE_URL");
  if (own && new URL(own).origin === new URL(url).origin) {
    throw new Error(
      `WEBHOOKS_GATEWAY_URL is this project's own address, where this function runs: ${set}`,
    );
  }
  return new URL(url);
}

function picked(headers: Headers, names: string[]): [string, string][] {
  return [...headers].filter(([name]) => names.includes(name));
}

/** Returns an error in the gateway's form. */
function problem(status: number, detail: string): Response {
  return Response.json({ status_code: status, detail }, { status });
}
