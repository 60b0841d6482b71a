create or replace function webhooks.emitted_by_change(event_type text, event_data jsonb, actor_user_id uuid, user_sub text)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _user uuid := webhooks.uuid_or_null(emitted_by_change.user_sub);
    _sources text;
    _answer jsonb;
begin
    with attached as (
        select t.source, t.identity
        from public.webhook_triggers as t
        where t.event_type = emitted_by_change.event_type and t.enabled
          -- a trigger that was dropped or disabled emits nothing
          and exists (select from pg_catalog.pg_trigger as g
                      where g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A'))
    )
    select (select string_agg(distinct a.source::text, ', ') from attached as a), (
        select jsonb_build_object('request_id', k.request_id, 'deliveries', k.deliveries)
        from attached as a
        join webhooks.idempotency_keys as k
            on k.scope like 'change%'
            and k.key = webhooks.change_key(emitted_by_change.event_type, a.identity, emitted_by_change.event_data,
                                            coalesce(emitted_by_change.actor_user_id, _user))
        where not k.awaits_change
          and (emitted_by_change.user_sub is null or k.actor_user_id = _user or (k.actor_user_id is null
               and (k.tenant_id is null or k.tenant_id in (select webhooks.tenants('read')))))
        order by k.created_at desc
        limit 1)
    into _sources, _answer;
    if _sources is not null and _answer is null and emitted_by_change.user_sub is not null then
        raise exception '"%" is emitted by the database when % changes, and you have made no such change',
            emitted_by_change.event_type, _sources
            using errcode = '22023', hint = 'Remove the call, or make it after the change, with the ids of the changed row.';
    end if;
    return _answer;
end $$;
comment on function webhooks.emitted_by_change(text, jsonb, uuid, text) is 'The result of dispatching an event that a trigger has emitted for the same change, or null. A user''s dispatch without such a change is an error, a server''s is accepted.';
revoke all on function webhooks.emitted_by_change(text, jsonb, uuid, text) from public, anon, authenticated, service_role;
