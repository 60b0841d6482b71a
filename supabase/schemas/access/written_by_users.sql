create or replace function webhooks.written_by_users(relation oid, columns name[])
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- the table, its partitions and children, and the views through which it can be written
    with recursive reached (oid) as (
        select relation
        union
        select e.child
        from reached as r
        cross join lateral (
            select i.inhrelid from pg_inherits as i where i.inhparent = r.oid
            union all
            select w.ev_class
            from pg_depend as d
            join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
            left join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where d.refclassid = 'pg_class'::regclass and d.refobjid = r.oid
              and (r.oid <> relation or a.attname = any (columns))
        ) as e (child)
    )
    select format('%s can %s %s: %s', u.rolname, o.verb, c.oid::regclass, coalesce(
               'the policy ' || quote_ident(p.polname) || ' is for it',
               case when c.relkind = 'v' then 'row level security does not hold for the view' else 'row level security is off' end))
    from reached as r
    join pg_class as c on c.oid = r.oid
    cross join (select rolname, oid from pg_roles where rolname in ('anon', 'authenticated')) as u
    cross join (values ('update', 'w', 4), ('insert into', 'a', 8)) as o (verb, command, event)
    left join pg_policy as p
        on c.relrowsecurity and p.polrelid = c.oid and p.polpermissive and p.polcmd in (o.command::"char", '*')
        and exists (select from unnest(p.polroles) as x (role) where x.role = 0 or pg_has_role(u.oid, x.role, 'usage'))
    where (not c.relrowsecurity or p.polname is not null)
      and case
          when c.relkind in ('v', 'm') then
              -- the rights of a view are its owner's, unless it was created with security_invoker
              pg_relation_is_updatable(c.oid, true) & o.event <> 0
              and not coalesce((select x.option_value::boolean from pg_options_to_table(c.reloptions) as x
                                where x.option_name = 'security_invoker'), false)
              and has_any_column_privilege(u.oid, c.oid, split_part(o.verb, ' ', 1))
          -- to change one column is enough; a new row needs all of them, given or by a default that names its user
          when o.command = 'w' then (
              select bool_or(has_column_privilege(u.oid, c.oid, x.name, 'update')) from unnest(columns) as x (name))
          else (
              select bool_and(has_column_privilege(u.oid, c.oid, a.attnum, 'insert')
                              or coalesce(pg_get_expr(d.adbin, d.adrelid) ~ 'auth\.|current_setting', false))
              from pg_attribute as a
              left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
              where a.attrelid = c.oid and a.attname = any (columns))
      end
    order by u.rolname desc, o.verb desc, c.oid = relation desc
    limit 1
$$;
comment on function webhooks.written_by_users(oid, name[]) is 'How users of the app can write these columns: which role, and what permits it. Null if they cannot. Policies count by their command and role, since the result of their conditions cannot be known.';
revoke all on function webhooks.written_by_users(oid, name[]) from public, anon, authenticated, service_role;
