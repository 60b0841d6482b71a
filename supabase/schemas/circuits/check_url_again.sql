create or replace function webhooks.check_url_again()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- what was found of the old URL no longer counts
    update public.webhook_circuits as h
    set url_check_at = now(), url_checked_at = null, url_warning = null
    where h.webhook_config_id = new.id;
    -- a worker that listens checks it at once
    perform pg_notify('webhook_deliveries', '');
    return null;
end $$;
comment on function webhooks.check_url_again() is 'Has a worker check the URL of an endpoint that leads elsewhere now, or with other credentials.';
revoke all on function webhooks.check_url_again() from public, anon, authenticated, service_role;
