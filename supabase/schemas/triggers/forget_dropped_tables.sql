create or replace function webhooks.forget_dropped_tables()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    delete from public.webhook_triggers as t where not exists (select from pg_class as c where c.oid = t.source)
$$;
comment on function webhooks.forget_dropped_tables() is 'Deletes the attached events of tables that were dropped.';
revoke all on function webhooks.forget_dropped_tables() from public, anon, authenticated, service_role;
grant execute on function webhooks.forget_dropped_tables() to service_role;
