create or replace function webhooks.renew_listener(listener uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.lock_listener(renew_listener.listener);
    if not exists (select from public.webhook_configurations as c where c.id = renew_listener.listener and c.is_active) then
        raise exception 'this listener''s endpoint was disabled'
            using errcode = 'PT404', hint = 'An admin did, or it has expired. Start a new listener: webhooks listen.';
    end if;
    update webhooks.listeners as l
    set expires_at = now() + interval '1 minute'
    where l.webhook_config_id = renew_listener.listener;
end $$;
comment on function webhooks.renew_listener(uuid) is 'Moves out the end of a listener of the caller''s, or raises PT404.';
revoke all on function webhooks.renew_listener(uuid) from public, anon, authenticated, service_role;
