create or replace function webhooks.reset_circuit()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- earlier results no longer count
    update public.webhook_circuits as h
    set state = 'closed', since = now(), open_until = null, consecutive_failures = 0, window_started_at = now(),
        window_attempts = 0, window_failures = 0, failing_since = null, undelivered_at = null, paused_until = null,
        places = null, failed_probes = 0, last_status = null, last_error = null,
        url_check_at = now(), url_checked_at = null, url_warning = null
    where h.webhook_config_id = new.id;
    return null;
end $$;
comment on function webhooks.reset_circuit() is 'Closes the circuit of an endpoint when it is enabled again.';
revoke all on function webhooks.reset_circuit() from public, anon, authenticated, service_role;
