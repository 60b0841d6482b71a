create or replace function webhooks.record_webhook_url_checks(results jsonb)
returns integer
language plpgsql
-- definer: behind public.record_webhook_url_checks, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _recorded integer;
begin
    -- in one order, as when deliveries are recorded
    perform from public.webhook_circuits as h
    where h.webhook_config_id in (select r.id from jsonb_to_recordset(results) as r (id uuid))
    order by h.webhook_config_id
    for update;
    update public.webhook_circuits as h
    set url_check_at = null, url_checked_at = now(), url_warning = left(r.warning, 1000)
    from jsonb_to_recordset(results) as r (id uuid, url text, credentials_profile text, warning text)
    join public.webhook_configurations as c on c.id = r.id
    where h.webhook_config_id = r.id
      -- another worker was faster, or the URL has changed in the meantime and must be checked again
      and h.url_check_at is not null
      and c.url = r.url
      and c.credentials_profile is not distinct from r.credentials_profile;
    get diagnostics _recorded = row_count;
    return _recorded;
end $$;
comment on function webhooks.record_webhook_url_checks(jsonb) is 'Behind public.record_webhook_url_checks.';
revoke all on function webhooks.record_webhook_url_checks(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_webhook_url_checks(jsonb) to service_role;
