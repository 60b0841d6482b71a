create or replace function webhooks.admin_problems()
returns table (problem text, cure text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _add constant text := 'webhooks admins add EMAIL';
    _source text := webhooks.admin_rule_source();
    -- the shipped function ends in this one
    _ours boolean := _source ~ '\mhas_admin_role\(\)';
    _replaced boolean := _source !~ E'\\$\\s*select webhooks\\.has_admin_role\\(\\)\\s*\\$';
    _why text;
begin
    if to_regclass('auth.users') is not null
        and (to_regclass('auth.sessions') is null
             or not has_table_privilege('auth.users', 'select') or not has_table_privilege('auth.sessions', 'select'))
    then
        problem := 'no user is an admin: the owner of the schema webhooks cannot read auth.users and auth.sessions';
        cure := format('grant select on auth.users, auth.sessions to %s', current_user);
        return next;
    end if;
    _why := webhooks.users_role_problem();
    if _why is not null and (_ours or _source ~ '\mis_platform_admin\(\)') then
        problem := format('public.users.role makes no one an admin here, because users can change it (%s)', _why);
        cure := _add || ' adds one. Then revoke insert and update on public.users from anon and authenticated, and grant them'
                        ' on its other columns';
        return next;
    end if;
    if not _replaced then
        return;
    end if;
    if _source ~* 'user_?meta_?data' then
        problem := 'public.is_webhook_admin() reads user_metadata, which each user can change';
        cure := format('make it read app_metadata, or drop it, apply the migrations again, and: %s', _add);
        return next;
    end if;
    for _why in
        select distinct on (c.oid) webhooks.written_by_users(c.oid, m.columns)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        cross join lateral (
            select coalesce(array_agg(a.attname) filter (where _source ~* format('\m%s\M', regexp_replace(a.attname, '\W', '.', 'g'))),
                            array_agg(a.attname)) as columns
            from pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as m
        where c.relkind in ('r', 'p', 'f', 'v') and n.nspname not in ('pg_catalog', 'information_schema', 'webhooks')
          and webhooks.mentions(_source, n.nspname, c.relname)
          and webhooks.written_by_users(c.oid, m.columns) is not null
    loop
        problem := format('public.is_webhook_admin() reads what users can change (%s)', _why);
        cure := format('revoke that privilege, or drop the function, apply the migrations again, and: %s', _add);
        return next;
    end loop;
    -- run as an owner, it could accept someone who is not a user
    if _source !~* '\m(current_user|current_role|session_user|is_server|caller)\M' and webhooks.admits_anyone() then
        problem := 'public.is_webhook_admin() accepts a made-up user as an admin';
        cure := format('drop it, apply the migrations again, and: %s', _add);
        return next;
    end if;
end $$;
comment on function webhooks.admin_problems() is 'Problems with the rule that decides who is a webhook admin, and how to fix them: for `webhooks doctor` and for the migrations.';
revoke all on function webhooks.admin_problems() from public, anon, authenticated, service_role;
