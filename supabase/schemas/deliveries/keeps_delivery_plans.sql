create or replace function webhooks.keeps_delivery_plans()
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- As the planner knows them: VACUUM and ANALYZE write these figures, and plans made with others end at that moment.
    -- With a few hundred rows, reading the whole of another index would seem to cost less than looking up ten ids.
    return exists (
        select from pg_class as c
        where c.oid = 'public.webhook_deliveries'::regclass and c.relkind = 'r' and c.relpages > 512 and c.reltuples > 1000);
end $$;
comment on function webhooks.keeps_delivery_plans() is 'Whether plans of statements that find rows of webhook_deliveries by their ids may be kept: it has so many that only the primary key will do. Never where it is partitioned: there each plan needs the times between which the rows were created.';
revoke all on function webhooks.keeps_delivery_plans() from public, anon, authenticated, service_role;
