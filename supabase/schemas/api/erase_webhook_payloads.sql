create or replace function public.erase_webhook_payloads(
    tenant_id text default null,
    actor text default null,
    before timestamptz default null,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.erase_webhook_payloads(
        erase_webhook_payloads.tenant_id,
        erase_webhook_payloads.actor,
        erase_webhook_payloads.before,
        erase_webhook_payloads.at_most,
        erase_webhook_payloads.after_created_at,
        erase_webhook_payloads.after_id);
end $$;
comment on function public.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) is 'Empties the payloads and response excerpts of finished deliveries, and what trigger errors kept: of a tenant, of a user (actor), created before a time, or what satisfies all that is given. All else of them is kept. At most at_most rows are looked at: call it again with "next" until that is null.';
revoke all on function public.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function public.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) to authenticated, service_role;
