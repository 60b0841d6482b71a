create or replace function webhooks.has_unchecked_urls()
returns boolean
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (
        select from public.webhook_circuits as h
        join public.webhook_configurations as c on c.id = h.webhook_config_id
        where h.url_check_at <= now() and c.deleted_at is null);
end $$;
comment on function webhooks.has_unchecked_urls() is 'Whether the URL of an endpoint is to be checked: each claim says so, so that workers need not ask.';
revoke all on function webhooks.has_unchecked_urls() from public, anon, authenticated, service_role;
