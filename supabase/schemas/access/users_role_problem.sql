create or replace function webhooks.users_role_problem()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case when c.relkind in ('r', 'p', 'f') then webhooks.written_by_users(c.oid, array['id', 'role'])
                else 'public.users is a view, and who can change what it shows is not checked' end
    from pg_class as c
    where c.oid = to_regclass('public.users') and webhooks.users_have_roles()
$$;
comment on function webhooks.users_role_problem() is 'Why public.users.role does not count: users can change it. Null if it counts, or does not exist.';
revoke all on function webhooks.users_role_problem() from public, anon, authenticated, service_role;
