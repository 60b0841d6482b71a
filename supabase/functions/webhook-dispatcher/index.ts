// Deliver what is due: for the cron and for servers, with the dispatch token or the service key.
import { gateway } from "../_shared/gateway.ts";

Deno.serve(gateway("POST", "webhook-dispatcher"));
