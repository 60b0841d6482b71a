create or replace function webhooks.lock_listener(listener uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from webhooks.listeners as l
    where l.webhook_config_id = lock_listener.listener and l.owner = webhooks.listener_owner()
    for update;
    if not found then
        -- the same error for another caller's listener, so that it tells nothing about it
        raise exception 'this listener has ended, or is not yours'
            using errcode = 'PT404', hint = 'A listener ends when it makes no call for a minute. Start it again: webhooks listen.';
    end if;
end $$;
comment on function webhooks.lock_listener(uuid) is 'Locks a listener of the caller''s, or raises PT404.';
revoke all on function webhooks.lock_listener(uuid) from public, anon, authenticated, service_role;
