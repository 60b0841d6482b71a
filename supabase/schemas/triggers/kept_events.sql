create or replace function webhooks.kept_events(identity text[], data jsonb[], actors uuid[], tenants text[])
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(case
        -- data that no payload may contain is not kept; the row can be read again by its key, once it is valid
        when webhooks.payload_problem(e.data) is not null then
            jsonb_build_object('key', (
                select jsonb_object_agg(i.name, e.data -> i.name)
                from unnest(kept_events.identity) as i (name)
                where pg_column_size(e.data -> i.name) < 1000 and i.name <> '@actor'))
        else jsonb_build_object('data', e.data, 'actor', e.actor, 'tenant', e.tenant)
    end order by e.position)
    from unnest(kept_events.data, kept_events.actors, kept_events.tenants) with ordinality as e (data, actor, tenant, position)
$$;
comment on function webhooks.kept_events(text[], jsonb[], uuid[], text[]) is 'What webhook_trigger_errors keeps of events, to emit them again.';
revoke all on function webhooks.kept_events(text[], jsonb[], uuid[], text[]) from public, anon, authenticated, service_role;
