create or replace function webhooks.change_identity(source regclass, data jsonb, actor text)
returns text[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- the first unique index, preferably the primary key, whose columns are in the event
    select coalesce((
        select index.parts
        from (
            select i.indisprimary, i.indexrelid, (
                select array_agg(coalesce(
                    (select min(d.key) from jsonb_each_text(change_identity.data) as d where d.value = a.attname),
                    case change_identity.actor when a.attname then '@actor' end) order by k.position)
                from unnest(i.indkey[0 : i.indnkeyatts - 1]) with ordinality as k (attnum, position)
                join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
            ) as parts
            from pg_catalog.pg_index as i
            where i.indrelid = change_identity.source and i.indisunique and i.indisvalid
              and i.indpred is null and i.indexprs is null
        ) as index
        where array_position(index.parts, null) is null
        order by index.indisprimary desc, index.indexrelid
        limit 1
    ), (
        select array_append(array_agg(d.key order by d.key), '@actor') from jsonb_object_keys(change_identity.data) as d (key)
    ))
$$;
comment on function webhooks.change_identity(regclass, jsonb, text) is 'The keys of an event''s data that identify a change: those of a unique index, else all and the actor.';
revoke all on function webhooks.change_identity(regclass, jsonb, text) from public, anon, authenticated, service_role;
