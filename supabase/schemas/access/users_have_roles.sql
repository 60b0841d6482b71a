create or replace function webhooks.users_have_roles()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select count(*) = 2
    from pg_attribute as a
    where a.attrelid = to_regclass('public.users') and a.attname in ('id', 'role') and not a.attisdropped
$$;
comment on function webhooks.users_have_roles() is 'Whether there is a table public.users with the columns id and role, as the platform has it; other apps have none.';
revoke all on function webhooks.users_have_roles() from public, anon, authenticated, service_role;
