create or replace function webhooks.erase_webhook_payloads(
    tenant_id text default null,
    actor text default null,
    before timestamptz default null,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
-- definer: behind public.erase_webhook_payloads, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- in the order of an index, a window and no more
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
declare
    _batch integer := least(greatest(coalesce(at_most, 1000), 1), 10000);
    _ids uuid[];
    _erased integer;
    _errors integer;
    _last record;
begin
    if num_nonnulls(erase_webhook_payloads.tenant_id, actor, before) = 0 then
        raise exception 'erase_webhook_payloads needs a tenant_id, an actor or a time before which to erase'
            using errcode = '22023', hint = 'To erase all that is finished: before => now().';
    end if;
    -- A window of the index, the oldest first; the caller comes again with "next". What is not finished yet is sent yet:
    -- it stays, and a later call finds it.
    with looked as materialized (
        select d.id, d.created_at, d.status in ('delivered', 'failed') and d.erased_at is null
               and (actor is null or d.actor_id = actor) as chosen
        from public.webhook_deliveries as d
        where (erase_webhook_payloads.tenant_id is null or d.tenant_id = erase_webhook_payloads.tenant_id)
          and (before is null or d.created_at < before)
          and (d.created_at, d.id) > (coalesce(after_created_at, '-infinity'),
                                      coalesce(after_id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit _batch
    )
    select array(select l.id from looked as l where l.chosen) as ids, count(*) as n,
           (select l.created_at from looked as l order by l.created_at desc, l.id desc limit 1) as created_at,
           (select l.id from looked as l order by l.created_at desc, l.id desc limit 1) as id
    into _last
    from looked;
    _ids := array(
        select d.id from public.webhook_deliveries as d where d.id = any (_last.ids) order by d.id for update);
    update public.webhook_deliveries as d
    set payload = '{}', response_body = null, erased_at = now()
    where d.id = any (_ids) and d.status in ('delivered', 'failed');
    get diagnostics _erased = row_count;
    update public.webhook_attempts as a
    set response_excerpt = null, response_headers = null
    where a.delivery_id = any (_ids);
    -- the first call: trigger errors are few
    if after_id is null then
        -- one row may hold the events of several tenants and users: the others' can still be sent
        update public.webhook_trigger_errors as e
        set data = k.others, message = 'erased', context = null
        from (
            select t.id, i.chosen, i.others
            from public.webhook_trigger_errors as t
            cross join lateral (
                select coalesce(bool_or(m.chosen), false) as chosen,
                       jsonb_agg(m.item order by m.place) filter (where not m.chosen) as others
                from (
                    select kept.item, kept.place, coalesce(
                               (erase_webhook_payloads.tenant_id is null
                                or kept.item ->> 'tenant' = erase_webhook_payloads.tenant_id)
                               and (actor is null or kept.item ->> 'actor' = actor or kept.item ->> 'user' = actor), false) as chosen
                    from jsonb_array_elements(
                        case jsonb_typeof(t.data) when 'array' then t.data end) with ordinality as kept (item, place)
                ) as m
            ) as i
            where before is null or t.occurred_at < before
        ) as k
        where e.id = k.id
          and (k.chosen or (num_nonnulls(erase_webhook_payloads.tenant_id, actor) = 0 and e.message <> 'erased'));
        get diagnostics _errors = row_count;
    end if;
    insert into public.webhook_admin_actions (actor_id, actor, action, details, tenant_id)
    values (webhooks.user_sub(), webhooks.actor(), 'erase_payloads',
            jsonb_strip_nulls(jsonb_build_object('actor', actor, 'before', before, 'erased', _erased, 'trigger_errors', _errors)),
            erase_webhook_payloads.tenant_id);
    return jsonb_build_object(
        'erased', _erased, 'trigger_errors', coalesce(_errors, 0),
        'next', case when _last.n = _batch then
            jsonb_build_object('after_created_at', _last.created_at, 'after_id', _last.id) end);
end $$;
comment on function webhooks.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) is 'Behind public.erase_webhook_payloads.';
revoke all on function webhooks.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) to authenticated, service_role;
