create or replace function webhooks.start_webhook_listener(events text[])
returns jsonb
language plpgsql
-- definer: behind public.start_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- each is one more delivery of every event that it listens to
    _most constant integer := 20;
    _id uuid := gen_random_uuid();
    _name text := 'listen-' || left(_id::text, 8);
begin
    if coalesce(cardinality(start_webhook_listener.events), 0) = 0 then
        raise exception 'a listener needs events' using errcode = '22023', hint = 'For example {user.*}, or {*} for all.';
    end if;
    -- workers do this too, where they run
    perform webhooks.delete_expired_listeners();
    if (select count(*) from webhooks.listeners as l where l.expires_at > now()) >= _most then
        raise exception '% listeners are running already', _most
            using errcode = 'PT429', hint = 'End one with Ctrl-C; the endpoints whose URL begins with listen:// are theirs.';
    end if;
    insert into webhooks.listeners (webhook_config_id, owner, expires_at)
    values (_id, webhooks.listener_owner(), now() + interval '1 minute');
    -- one attempt: the person who watches sends it again
    insert into public.webhook_configurations (id, name, url, events, created_by, max_attempts)
    values (_id, _name, 'listen://' || left(_id::text, 8), start_webhook_listener.events, webhooks.user_id(), 1);
    -- there is no URL to check
    update public.webhook_circuits as h set url_check_at = null where h.webhook_config_id = _id;
    perform webhooks.log_action('start_listener', _id, null, jsonb_build_object('events', start_webhook_listener.events));
    return jsonb_build_object('id', _id, 'name', _name);
end $$;
comment on function webhooks.start_webhook_listener(text[]) is 'Behind public.start_webhook_listener.';
revoke all on function webhooks.start_webhook_listener(text[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.start_webhook_listener(text[]) to authenticated, service_role;
