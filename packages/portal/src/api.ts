/** The calls of docs/customers.md, section 5, by the user's own session. */

import type { SupabaseClient } from "@supabase/supabase-js";

export type Client = SupabaseClient<any, any, any>;

/** What a call returned instead of a result: the message and hint are for people, the code is Postgres's or PostgREST's. */
export class CallError extends Error {
  constructor(message: string, readonly code: string, readonly hint: string, readonly status: number) {
    super(message);
  }
}

export interface Endpoint {
  id: string; name: string; url: string; events: string[]; is_active: boolean; created_at: string; updated_at: string;
  rate_limit_per_second: number | null; max_attempts: number; retry_schedule: number[] | null; header_names: string[];
  previous_secret_until: string | null; disabled_reason: string | null; url_warning: string | null; waiting: number;
  health: {
    status: "healthy" | "failing" | "paused" | "disabled"; since: string | null; reason: string | null;
    attempts: number; failed_attempts: number; success_percent: number | null; p50_ms: number | null; p95_ms: number | null;
  };
}

export interface EventType { name: string; description: string; data_schema: Schema; example: unknown }
export interface Schema { type?: string | string[]; description?: string; required?: string[]; properties?: Record<string, Schema>; items?: Schema; enum?: unknown[]; format?: string }

export type Status = "pending" | "processing" | "delivered" | "failed";
export interface Waiting { reason: string; until: string | null }
export interface Row {
  id: string; webhook_config_id: string; endpoint: string; event_type: string; status: Status; attempts: number;
  max_attempts: number; created_at: string; response_status: number | null; error_message: string | null;
  duration_ms: number | null; waits_for: Waiting | null;
}
export interface Attempt {
  number: number; started_at: string; duration_ms: number; delivered: boolean; response_status: number | null;
  response_headers: Record<string, string> | null; response_excerpt: string | null; error: string | null;
}
export interface Delivery {
  id: string; event_type: string; status: Status; attempts: number; request_id: string; created_at: string;
  finished_at: string | null; error_message: string | null; pretty_body: string | null; waits_for: Waiting | null;
  endpoint: { id: string; name: string; url: string; is_active: boolean; deleted_at: string | null; max_attempts: number };
  attempt_log: Attempt[];
}
export type Cursor = Record<string, string>;
export interface Page { deliveries: Row[]; next: Cursor | null; searched_until: string | null }
export interface Filters { webhook_config_id?: string; status?: string; event_type?: string; created_from?: string; created_until?: string }
export interface Replay { webhook_config_id: string; status: "failed" | "delivered"; event_type?: string; created_from?: string; created_until?: string }
export interface Replayed { matching: number | null; bounded: boolean; replayed: number; created_until: string; next: Cursor | null }

const PAGE = 200;
/** Milliseconds until a call has failed: a browser would wait for minutes, while the page looks as if it were current. */
const PATIENCE = 30_000;

export class Api {
  constructor(private readonly client: Client, readonly tenant: string) {}

  /** Whether the user may change the tenant's endpoints, by the app's own `webhook_tenants`. */
  async manages(): Promise<boolean> {
    return ((await this.call<string[]>("webhook_tenants", { permission: "manage" })) ?? []).includes(this.tenant);
  }

  /** All endpoints by name, however many pages they are. */
  async endpoints(): Promise<Endpoint[]> {
    const all: Endpoint[] = [];
    for (;;) {
      const last = all.at(-1);
      const page = await this.call<Endpoint[]>("list_webhook_endpoints", {
        tenant_id: this.tenant, page_size: PAGE, ...(last && { after_name: last.name, after_id: last.id }),
      });
      all.push(...page);
      if (page.length < PAGE) return all;
    }
  }

  /** One endpoint. One that does not exist, or is another tenant's, is an error with the code PT404. */
  async endpoint(id: string): Promise<Endpoint> {
    const [found] = await this.call<Endpoint[]>("list_webhook_endpoints", { tenant_id: this.tenant, webhook_config_id: id });
    if (!found) throw new CallError(`webhook endpoint ${id} does not exist`, "PT404", "It may have been deleted.", 404);
    return found;
  }

  create(settings: object): Promise<{ id: string; secret_key: string }> {
    return this.call("create_webhook_endpoint", { settings: { ...settings, tenant_id: this.tenant } });
  }
  update(id: string, changes: object): Promise<{ id: string }> {
    return this.call("update_webhook_endpoint", { webhook_config_id: id, changes });
  }
  /** Delete a batch: to be repeated while `more`. */
  delete(id: string, keepHistory: boolean): Promise<{ deliveries: number; more: boolean }> {
    return this.call("delete_webhook_endpoint", { webhook_config_id: id, keep_history: keepHistory });
  }
  rotate(id: string, overlap: string): Promise<{ secret_key: string; previous_until: string | null }> {
    return this.call("rotate_webhook_secret", { webhook_config_id: id, overlap });
  }
  endOverlap(id: string): Promise<{ ended: number }> {
    return this.call("end_webhook_secret_overlap", { webhook_config_id: id });
  }
  test(id: string, eventType: string | null): Promise<{ delivery_id: string }> {
    return this.call("send_test_webhook", { webhook_config_id: id, ...(eventType && { event_type: eventType }) });
  }
  search(filters: Filters, after: Cursor | null): Promise<Page> {
    return this.call("search_webhook_deliveries", { tenant_id: this.tenant, page_size: 50, ...filters, ...after });
  }
  delivery(id: string): Promise<Delivery> {
    return this.call("get_webhook_delivery", { delivery_id: id });
  }
  retry(id: string): Promise<unknown> {
    return this.call("retry_webhook_delivery", { delivery_id: id });
  }
  replay(what: Replay, dryRun: boolean, after: Cursor | null): Promise<Replayed> {
    return this.call("replay_webhook_deliveries", { ...what, dry_run: dryRun, ...after });
  }

  /** The event types that customers can receive. */
  async eventTypes(): Promise<EventType[]> {
    const { data, error, status } = await this.client.from("webhook_event_types")
      .select("name, description, data_schema, example").eq("audience", "customers").order("name").abortSignal(AbortSignal.timeout(PATIENCE));
    if (error) throw new CallError(error.message, error.code ?? "", error.hint ?? "", status);
    return data as EventType[];
  }

  private async call<T>(name: string, args: object): Promise<T> {
    const { data, error, status } = await this.client.rpc(name, args).abortSignal(AbortSignal.timeout(PATIENCE));
    if (error) throw new CallError(error.message, error.code ?? "", error.hint ?? "", status);
    if (data === null) throw new CallError("", "", "", status); // no function returns nothing: it was something in between
    return data as T;
  }
}
