create or replace function webhooks.delete_expired_listeners()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _disabled uuid;
begin
    _disabled := (
        select l.webhook_config_id
        from webhooks.listeners as l
        join public.webhook_configurations as c on c.id = l.webhook_config_id
        where l.expires_at < now() and not c.is_active
        order by l.expires_at
        limit 1
        for update of l skip locked);
    -- Disabled first, and deleted by a later call, as delete_webhook_endpoint does it. One a call: a deletion waits for
    -- those who dispatch to that endpoint just now, and must hold nothing that they wait for.
    update public.webhook_configurations as c
    set is_active = false
    where c.is_active and c.id = any (array(
        select l.webhook_config_id from webhooks.listeners as l where l.expires_at < now() for update skip locked));
    if _disabled is not null then
        perform webhooks.delete_webhook_endpoint(_disabled);
    end if;
end $$;
comment on function webhooks.delete_expired_listeners() is 'Disables the endpoints of expired listeners, and deletes one of those that were disabled earlier, with its deliveries.';
revoke all on function webhooks.delete_expired_listeners() from public, anon, authenticated, service_role;
