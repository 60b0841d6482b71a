// The health of the deliveries. supabase.functions.invoke sends a POST unless told otherwise.
import { gateway } from "../_shared/gateway.ts";

Deno.serve(gateway("GET", "webhook-health"));
