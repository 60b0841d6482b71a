// Send a test delivery to an endpoint: {"webhook_config_id": "..."}.
import { gateway } from "../_shared/gateway.ts";

Deno.serve(gateway("POST", "test-webhook"));
