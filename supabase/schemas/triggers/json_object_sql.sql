create or replace function webhooks.json_object_sql(pairs text[])
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- a function takes 100 arguments: fifty pairs
    select coalesce(string_agg(c.chunk, ' || ' order by c.number), '''{}''::jsonb')
    from (
        select (p.position - 1) / 50 as number,
               format('jsonb_build_object(%s)', string_agg(p.pair, ', ' order by p.position)) as chunk
        from unnest(json_object_sql.pairs) with ordinality as p (pair, position)
        group by 1
    ) as c
$$;
comment on function webhooks.json_object_sql(text[]) is 'The SQL for a JSON object of any number of pairs, each given as SQL: ''key'', value.';
revoke all on function webhooks.json_object_sql(text[]) from public, anon, authenticated, service_role;
