create or replace function webhooks.missing_triggers()
returns setof public.webhook_triggers
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select t.*
    from public.webhook_triggers as t
    -- a dropped table needs none
    join pg_class as c on c.oid = t.source
    where t.enabled and not exists (
        select from pg_trigger as g
        where g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A'))
    order by t.source::text, t.trigger_name
$$;
comment on function webhooks.missing_triggers() is 'The rows of webhook_triggers whose trigger is missing or disabled, as those on auth.users are after a restore.';
revoke all on function webhooks.missing_triggers() from public, anon, authenticated, service_role;
