create or replace function webhooks.endpoints_with_due(from_id uuid default '00000000-0000-0000-0000-000000000000')
returns setof uuid
language sql
stable
-- no settings of its own, unlike all others: only then is it inlined, and reads no further than its caller needs
as $$
    -- A skip scan: one step of the index for each endpoint that has something due, none for the others. It is lazy:
    -- a caller that takes the first hundred pays for a hundred.
    with recursive step as (
        (select q.webhook_config_id as id
         from webhooks.delivery_queue as q
         where q.ready and q.webhook_config_id >= from_id
         order by q.webhook_config_id
         limit 1)
        union all
        select (
            select q.webhook_config_id
            from webhooks.delivery_queue as q
            where q.ready and q.webhook_config_id > s.id
            order by q.webhook_config_id
            limit 1)
        from step as s
        where s.id is not null
    )
    select s.id from step as s where s.id is not null
$$;
comment on function webhooks.endpoints_with_due(uuid) is 'The endpoints with deliveries that are ready, by id from a given one on.';
revoke all on function webhooks.endpoints_with_due(uuid) from public, anon, authenticated, service_role;
