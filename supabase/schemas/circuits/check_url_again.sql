create or replace function webhooks.check_url_again()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- findings about the old URL no longer count
    update public.webhook_circuits as h
    set url_check_at = now(), url_checked_at = null, url_warning = null
    where h.webhook_config_id = new.id;
    -- a worker that listens checks it at once
    perform pg_notify('webhook_deliveries', '');
    return null;
end $$;
comment on function webhooks.check_url_again() is 'Requests a check of an endpoint''s URL when it leads elsewhere, or its credentials change.';
revoke all on function webhooks.check_url_again() from public, anon, authenticated, service_role;
