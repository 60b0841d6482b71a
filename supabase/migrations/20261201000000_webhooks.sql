-- webhooks migration: system 6151d747f920abe7114259dbe2ac021bd02ff68357c945bf54a18f837a4a6eac
-- Produced from supabase/schemas by `make migrations`. Change the files there, not this one.

select set_config('check_function_bodies', 'off', true);

do $locks$
declare
    _before text := current_setting('lock_timeout');
    _table text;
begin
    for n in 1..200 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            for _table in
                select t from unnest(array['public.webhook_configurations', 'public.webhook_deliveries', 'public.webhook_attempts', 'public.webhook_circuits']) as t where to_regclass(t) is not null
            loop
                execute format('lock table %s in access exclusive mode', _table);
            end loop;
            perform set_config('lock_timeout', _before, true);
            return;
        exception
            -- nothing is held now: transactions that waited for us continue
            when lock_not_available then
                perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'the tables were in use for a minute' using hint = 'End long transactions and push again.';
end $locks$;

-- schemas/setup/webhooks.sql
-- The schema of everything that the REST API must not reach: tables of secrets and of work, and the functions that
-- public's thin ones call.
create schema if not exists webhooks;
comment on schema webhooks is 'Internals of the webhook system. Not exposed through the REST API.';
revoke all on schema webhooks from public, anon, authenticated, service_role;
grant usage on schema webhooks to authenticated, service_role;

-- schemas/setup/migrations.sql
-- One ledger for `supabase db push` and `webhooks migrate`: each migration writes its own row, so a dump carries it along.
create table if not exists webhooks.migrations (
    name text primary key,
    checksum text not null,
    package_version text not null,
    applied_at timestamptz not null default now()
);
comment on table webhooks.migrations is 'The migrations of this package that the database has.';
comment on column webhooks.migrations.name is 'system, upgrade, platform, or one of the three of partitions.';
comment on column webhooks.migrations.checksum is 'SHA-256 of the migration, in hex; unknown where the row was derived from the database.';
comment on column webhooks.migrations.package_version is 'The version of the package that shipped it.';
alter table webhooks.migrations enable row level security;
revoke all on webhooks.migrations from public, anon, authenticated, service_role;

-- schemas/setup/installation.sql
-- Which Supabase project the database belongs to. A clone, a branch or a restored copy carries the row along, and the
-- workers of the copy's project name another one: then everything is held until a person confirms.
create table if not exists webhooks.installation (
    only_row boolean primary key default true check (only_row),
    project text,
    held_for text,
    held_since timestamptz,
    gateway_url text,
    drain_seconds integer,
    constraint installation_held check ((held_for is null) = (held_since is null))
);
comment on table webhooks.installation is 'One row: the project that sends the deliveries.';
comment on column webhooks.installation.project is 'The project of the first worker that claimed; empty before.';
comment on column webhooks.installation.held_for is 'Another project, whose workers asked for deliveries. While it is set, nothing is claimed.';
comment on column webhooks.installation.held_since is 'When they first asked.';
comment on column webhooks.installation.gateway_url is 'The gateway that new deliveries wake by pg_net: webhooks.wake_by_request. Empty: none.';
comment on column webhooks.installation.drain_seconds is 'How long that gateway delivers in such a request; empty: it wakes workers.';
alter table webhooks.installation enable row level security;
revoke all on webhooks.installation from public, anon, authenticated, service_role;
insert into webhooks.installation default values on conflict do nothing;

-- schemas/setup/write_probe.sql
create table if not exists webhooks.write_probe (
    only_row boolean primary key default true check (only_row),
    probed_at timestamptz not null default now()
);
comment on table webhooks.write_probe is 'One row, written to find out whether the database accepts writes.';
alter table webhooks.write_probe enable row level security;
revoke all on webhooks.write_probe from public, anon, authenticated, service_role;

-- schemas/access/expected_access.sql
-- Who may do what with our objects. Filled by the migrations, from the grants and policies in this folder's files: what
-- webhooks.secure() restores after a dump and restore into a new project, whose default privileges grant everything.
create table if not exists webhooks.expected_access (
    object text primary key,
    kind text not null check (kind in ('schema', 'table', 'sequence', 'function')),
    grants jsonb not null default '{}'
);
comment on table webhooks.expected_access is 'The privileges of anon, authenticated, service_role and PUBLIC on each object: {"role": ["PRIVILEGE"]}.';
comment on column webhooks.expected_access.object is 'Its name; for a function, with its arguments.';
alter table webhooks.expected_access enable row level security;
revoke all on webhooks.expected_access from public, anon, authenticated, service_role;

-- schemas/access/expected_policies.sql
create table if not exists webhooks.expected_policies (
    table_name text not null,
    name text not null,
    command text not null,
    roles name[] not null,
    condition text not null,
    statement text not null,
    primary key (table_name, name)
);
comment on table webhooks.expected_policies is 'The row level security policies of our tables, and the statement that creates each.';
alter table webhooks.expected_policies enable row level security;
revoke all on webhooks.expected_policies from public, anon, authenticated, service_role;

-- schemas/access/sign_in_tries.sql
create table if not exists webhooks.sign_in_tries (
    -- a keyed hash: neither the address nor the account can be read from it
    pair text primary key check (pair ~ '^[0-9a-f]{64}$'),
    tries integer not null,
    since timestamptz not null default now()
);
create index if not exists sign_in_tries_since_idx on webhooks.sign_in_tries (since);
comment on table webhooks.sign_in_tries is 'Attempts to sign in to the dashboard, by address and account together, and wrong API tokens, by address, for 15 minutes from the first one.';
comment on column webhooks.sign_in_tries.pair is 'HMAC-SHA256 of address and account, with the gateways'' key.';
alter table webhooks.sign_in_tries enable row level security;
revoke all on webhooks.sign_in_tries from public, anon, authenticated, service_role;

-- schemas/access/access_differences.sql
create or replace function webhooks.access_differences()
returns table (kind text, object text, is_now text, should_be text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- grants; objects in this schema that are not listed, such as partitions, must have none
    select a.kind, a.object, (a.grants || case a.columns when '[]' then '{}' else jsonb_build_object('columns', a.columns) end)::text,
           coalesce(e.grants, '{}')::text
    from webhooks.actual_access as a
    left join (
        select x.kind, x.grants, case x.kind when 'function' then to_regprocedure(x.object)::text else x.object end as object
        from webhooks.expected_access as x
    ) as e on e.kind = a.kind and e.object = a.object
    where a.grants <> coalesce(e.grants, '{}') or a.columns <> '[]'
    union all
    select 'row security', a.object, 'off', 'on' from webhooks.actual_access as a where not a.row_security
    union all
    select 'missing', e.object, 'not there', e.kind
    from webhooks.expected_access as e
    where case e.kind
        when 'function' then to_regprocedure(e.object) is null
        when 'schema' then to_regnamespace(e.object) is null
        else to_regclass(e.object) is null
    end
    union all
    select 'policy', e.table_name || ': ' || e.name, coalesce(p.cmd || ' to ' || p.roles::text || ' using ' || p.qual, 'not there'), e.statement
    from webhooks.expected_policies as e
    left join pg_policies as p on format('%s.%s', p.schemaname, p.tablename) = e.table_name and p.policyname = e.name
    where to_regclass(e.table_name) is not null
      and (p.cmd is distinct from e.command or p.roles <> e.roles or p.with_check is not null or p.permissive <> 'PERMISSIVE'
           or webhooks.bare_condition(p.qual) is distinct from webhooks.bare_condition(e.condition))
    union all
    -- a policy of the app's for a role of its own is the app's
    select 'policy', format('%s.%s: %s', p.schemaname, p.tablename, p.policyname), p.cmd || ' to ' || p.roles::text, 'not there'
    from pg_policies as p
    where (p.schemaname = 'webhooks' or exists (
            select from webhooks.expected_access as e where e.object = format('%s.%s', p.schemaname, p.tablename)))
      and p.roles && '{public,anon,authenticated,service_role}'::name[]
      and not exists (
          select from webhooks.expected_policies as e
          where e.table_name = format('%s.%s', p.schemaname, p.tablename) and e.name = p.policyname)
    order by 1, 2
$$;
comment on function webhooks.access_differences() is 'Each grant, policy and row security flag of our objects that differs from what is expected.';
revoke all on function webhooks.access_differences() from public, anon, authenticated, service_role;

-- schemas/access/actual_access.sql
create or replace view webhooks.actual_access as
with object as (
    select 'schema' as kind, n.nspname::text as object, coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl, null::oid as relation
    from pg_namespace as n
    where n.nspname = 'webhooks'
    union all
    select case c.relkind when 'S' then 'sequence' else 'table' end, format('%s.%s', n.nspname, c.relname),
           coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)), c.oid
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'S')
      and (n.nspname = 'webhooks' or exists (
          select from webhooks.expected_access as e where e.object = format('%s.%s', n.nspname, c.relname)))
    union all
    select 'function', p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)), null
    from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'webhooks'
       or p.oid = any (array(select to_regprocedure(e.object)::oid from webhooks.expected_access as e where e.kind = 'function'))
)
select o.kind, o.object, coalesce((
           select jsonb_object_agg(g.grantee, g.privileges)
           from (
               select case a.grantee when 0 then 'public' else a.grantee::regrole::text end as grantee,
                      jsonb_agg(distinct a.privilege_type) as privileges
               from aclexplode(o.acl) as a
               where a.grantee = 0 or a.grantee::regrole::text in ('anon', 'authenticated', 'service_role')
               group by a.grantee
           ) as g), '{}') as grants,
       -- of columns: none of ours has any
       coalesce((
           select jsonb_agg(distinct format('%s of column %s to %s', x.privilege_type, a.attname,
                                            case x.grantee when 0 then 'public' else x.grantee::regrole::text end))
           from pg_attribute as a
           cross join lateral aclexplode(a.attacl) as x
           where a.attrelid = o.relation and a.attacl is not null
             and (x.grantee = 0 or x.grantee::regrole::text in ('anon', 'authenticated', 'service_role'))), '[]') as columns,
       (select c.relrowsecurity from pg_class as c where c.oid = o.relation and c.relkind in ('r', 'p')) as row_security
from object as o;
comment on view webhooks.actual_access is 'The privileges on our objects as they are.';
revoke all on webhooks.actual_access from public, anon, authenticated, service_role;

-- schemas/access/admin_problems.sql
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

-- schemas/access/admin_rule_source.sql
create or replace function webhooks.admin_rule_source()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with recursive source (oid, text) as (
        select p.oid, webhooks.without_comments(pg_get_functiondef(p.oid))
        from pg_proc as p
        where p.oid = to_regprocedure('public.is_webhook_admin()')
        union
        select p.oid, webhooks.without_comments(pg_get_functiondef(p.oid))
        from source as s
        join pg_proc as p on p.prokind = 'f'
        join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname not in ('pg_catalog', 'information_schema', 'webhooks', 'auth', 'extensions')
          and webhooks.mentions(s.text, n.nspname, p.proname)
          and s.text ~* format('\m%s"?\s*\(', regexp_replace(p.proname, '\W', '.', 'g'))
    )
    select string_agg(s.text, E'\n') from source as s
$$;
comment on function webhooks.admin_rule_source() is 'The source of public.is_webhook_admin() and of the app''s functions that it calls, without comments.';
revoke all on function webhooks.admin_rule_source() from public, anon, authenticated, service_role;

-- schemas/access/admits_anyone.sql
create or replace function webhooks.admits_anyone()
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _sub uuid := gen_random_uuid();
    _is_admin boolean;
begin
    begin
        perform set_config('request.jwt.claim.sub', _sub::text, true),
            set_config('request.jwt.claims', jsonb_build_object('sub', _sub, 'role', 'authenticated', 'user_metadata',
                '{"role": "admin", "webhooks_role": "admin", "is_admin": true, "admin": true}'::jsonb)::text, true);
        _is_admin := public.is_webhook_admin();
        raise exception using errcode = 'WH001';
    exception
        -- the settings are restored; an error of the app's own function makes no one an admin
        when others then null;
    end;
    return coalesce(_is_admin, false);
end $$;
comment on function webhooks.admits_anyone() is 'Whether public.is_webhook_admin() accepts a made-up user as an admin, who has written "admin" into their own user_metadata.';
revoke all on function webhooks.admits_anyone() from public, anon, authenticated, service_role;

-- schemas/access/app_metadata.sql
create or replace function webhooks.app_metadata()
returns jsonb
language plpgsql
stable
-- definer: a request's role cannot read Supabase Auth's tables
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _claims jsonb := webhooks.user_claims();
    _id uuid := webhooks.user_id();
    -- as JSON, since each version of Supabase Auth has different columns
    _user jsonb;
    _session jsonb;
begin
    if _id is not null and to_regclass('auth.users') is not null then
        execute 'select to_jsonb(u) from auth.users as u where u.id = $1' into _user using _id;
    end if;
    -- each token of Supabase Auth has a session; for Clerk, Auth0 or Firebase, only the token is known
    if _user is null and _claims ->> 'session_id' is null then
        return coalesce(nullif(_claims -> 'app_metadata', 'null'), '{}');
    end if;
    if _user is null or (_user ->> 'banned_until')::timestamptz > now() or _user ->> 'deleted_at' is not null
        or to_regclass('auth.sessions') is null
    then
        return null;
    end if;
    execute 'select to_jsonb(s) from auth.sessions as s where s.id = $1 and s.user_id = $2'
    into _session
    using webhooks.uuid_or_null(_claims ->> 'session_id'), _id;
    if _session is null or (_session ->> 'not_after')::timestamptz <= now() then
        return null;
    end if;
    return coalesce(nullif(_user -> 'raw_app_meta_data', 'null'), '{}');
end $$;
comment on function webhooks.app_metadata() is 'The caller''s app_metadata as Supabase Auth has it now, not as the token says; null once the user has signed out, or was banned or deleted. For another provider''s token: its claim.';
revoke all on function webhooks.app_metadata() from public, anon, authenticated, service_role;
grant execute on function webhooks.app_metadata() to authenticated, service_role;

-- schemas/access/bare_condition.sql
create or replace function webhooks.bare_condition(condition text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- as written, and as Postgres shows it, with parentheses and its own alias
    select lower(regexp_replace(condition, '\s+as\s+\w+|[\s()]', '', 'gi'))
$$;
comment on function webhooks.bare_condition(text) is 'A policy''s condition, normalized so that the written form equals the form that Postgres shows.';
revoke all on function webhooks.bare_condition(text) from public, anon, authenticated, service_role;

-- schemas/access/caller.sql
-- Who may use the admin functions, and a log of their actions.

create or replace function webhooks.caller()
returns text
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- inside a security definer function current_user is its owner; the setting still names the caller
    return case current_setting('role') when 'none' then session_user::text else current_setting('role') end;
end $$;
comment on function webhooks.caller() is 'The database role that the request runs as, even inside a security definer function.';
revoke all on function webhooks.caller() from public, anon, authenticated, service_role;
grant execute on function webhooks.caller() to authenticated, service_role;

-- schemas/access/check_access.sql
create or replace function webhooks.check_access(
    permission text,
    tenant_id text default null,
    webhook_config_id uuid default null,
    delivery_id uuid default null
)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _tenants text[];
    _endpoints uuid[];
begin
    if webhooks.is_server() then
        return;
    end if;
    if current_user = 'authenticated' then
        if webhooks.is_admin() or (check_access.permission = 'read' and webhooks.is_viewer(false)) then
            return;
        end if;
        _tenants := array(select webhooks.tenants(check_access.permission));
    end if;
    if coalesce(cardinality(_tenants), 0) = 0 then
        perform webhooks.check_admin();
    end if;
    if check_access.tenant_id is not null then
        if check_access.tenant_id = any (_tenants) then
            return;
        end if;
        raise exception 'you have no access to the tenant "%"', check_access.tenant_id
            using errcode = '42501', hint = 'public.webhook_tenants decides who has.';
    end if;
    if check_access.delivery_id is null and check_access.webhook_config_id is null then
        raise exception 'only webhook admins can do this for all tenants'
            using errcode = '42501', hint = 'Name your tenant, one of its endpoints, or one of its deliveries.';
    end if;
    _endpoints := array(select webhooks.tenant_endpoints(_tenants));
    -- the same for what does not exist as for what belongs to others
    if check_access.delivery_id is not null then
        if not webhooks.is_delivery_of(check_access.delivery_id, _endpoints) then
            raise exception 'webhook delivery % does not exist', check_access.delivery_id
                using errcode = 'PT404', hint = 'It may have been deleted with its endpoint, or by retention.';
        end if;
    elsif check_access.webhook_config_id <> all (_endpoints) then
        raise exception 'webhook endpoint % does not exist', check_access.webhook_config_id
            using errcode = 'PT404', hint = 'list_webhook_endpoints returns those that do.';
    end if;
end $$;
comment on function webhooks.check_access(text, text, uuid, uuid) is 'Raises an error unless the caller is a server, an admin, a viewer who reads, or a user with the permission (read, manage) for the tenant, the endpoint''s or the delivery''s. Without any of these three: for the first three alone.';
revoke all on function webhooks.check_access(text, text, uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.check_access(text, text, uuid, uuid) to authenticated, service_role;

-- schemas/access/check_admin.sql
create or replace function webhooks.check_admin()
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if webhooks.is_server() then
        return;
    end if;
    if current_user <> 'authenticated' or not webhooks.is_admin() then
        raise exception 'only webhook admins can do this'
            using errcode = '42501', hint = 'To add an admin, run: webhooks admins add EMAIL.';
    end if;
end $$;
comment on function webhooks.check_admin() is 'Raises 42501 unless the caller is a server or a signed-in webhook admin.';
revoke all on function webhooks.check_admin() from public, anon, authenticated, service_role;
grant execute on function webhooks.check_admin() to authenticated, service_role;

-- schemas/access/check_payload_search.sql
create or replace function webhooks.check_payload_search(payload_path text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if trim(check_payload_search.payload_path) <> '' and webhooks.hides_payloads() then
        raise exception 'you cannot search in payloads: you may not see them'
            using errcode = '42501', hint = 'Leave payload_path out, or ask an admin.';
    end if;
end $$;
comment on function webhooks.check_payload_search(text) is 'Raises 42501 for a viewer who sees no payloads and looks for a value in them: what is found, or counted, would tell it.';
revoke all on function webhooks.check_payload_search(text) from public, anon, authenticated, service_role;

-- schemas/access/check_server.sql
create or replace function webhooks.check_server()
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if not webhooks.is_server() then
        raise exception 'only server-side callers can do this, not %', current_user
            using errcode = '42501', hint = 'Call it with the project''s secret key, from a server.';
    end if;
end $$;
comment on function webhooks.check_server() is 'Raises 42501 unless the caller is a server-side role.';
revoke all on function webhooks.check_server() from public, anon, authenticated, service_role;
grant execute on function webhooks.check_server() to authenticated, service_role;

-- schemas/access/count_webhook_sign_in.sql
create or replace function webhooks.count_webhook_sign_in(pair text)
returns integer
language sql
-- definer: behind public.count_webhook_sign_in, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into webhooks.sign_in_tries as t (pair, tries)
    values (count_webhook_sign_in.pair, 1)
    on conflict on constraint sign_in_tries_pkey do update
    set tries = case when t.since > now() - interval '15 minutes' then least(t.tries, 10) + 1 else 1 end,
        since = case when t.since > now() - interval '15 minutes' then t.since else now() end
    returning case when t.tries <= 10 then 0 else ceil(extract(epoch from t.since + interval '15 minutes' - now()))::integer end
$$;
comment on function webhooks.count_webhook_sign_in(text) is 'Behind public.count_webhook_sign_in.';
revoke all on function webhooks.count_webhook_sign_in(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.count_webhook_sign_in(text) to service_role;

-- schemas/access/forget_webhook_sign_ins.sql
create or replace function webhooks.forget_webhook_sign_ins(pair text)
returns void
language sql
-- definer: behind public.forget_webhook_sign_ins, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from webhooks.sign_in_tries as t where t.pair = forget_webhook_sign_ins.pair
$$;
comment on function webhooks.forget_webhook_sign_ins(text) is 'Behind public.forget_webhook_sign_ins.';
revoke all on function webhooks.forget_webhook_sign_ins(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.forget_webhook_sign_ins(text) to service_role;

-- schemas/access/has_admin_role.sql
create or replace function webhooks.has_admin_role()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        m.app_metadata ->> 'webhooks_role' = 'admin'
        or m.app_metadata ->> 'role' = 'admin'
        or (m.app_metadata is not null and webhooks.is_platform_admin()), false)
    from (select webhooks.app_metadata() as app_metadata) as m
$$;
comment on function webhooks.has_admin_role() is 'Whether app_metadata.webhooks_role, app_metadata.role or, where no user can change it, public.users.role is admin for the calling user.';
revoke all on function webhooks.has_admin_role() from public, anon, authenticated, service_role;
grant execute on function webhooks.has_admin_role() to authenticated, service_role;

-- schemas/access/hides_payloads.sql
create or replace function webhooks.hides_payloads()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.caller() = 'authenticated' and not webhooks.is_admin()
        and webhooks.is_viewer(false) and not webhooks.is_viewer(true)
$$;
comment on function webhooks.hides_payloads() is 'Whether the caller is a viewer who sees no payloads and responses.';
revoke all on function webhooks.hides_payloads() from public, anon, authenticated, service_role;

-- schemas/access/if_admin.sql
create or replace function webhooks.if_admin(value anyelement)
returns anyelement
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select if_admin.value where webhooks.is_admin()
$$;
comment on function webhooks.if_admin(anyelement) is 'The value for an admin, else null: the bounds of a range that policies use, which is everything for admins and nothing for others.';
revoke all on function webhooks.if_admin(anyelement) from public, anon, authenticated, service_role;
grant execute on function webhooks.if_admin(anyelement) to authenticated, service_role;

-- schemas/access/if_reader.sql
create or replace function webhooks.if_reader(value anyelement)
returns anyelement
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select if_reader.value where webhooks.is_admin() or exists (select from webhooks.tenants('read'))
$$;
comment on function webhooks.if_reader(anyelement) is 'The value for an admin and for a user who reads for a tenant, else null: the bounds of a range that policies use.';
revoke all on function webhooks.if_reader(anyelement) from public, anon, authenticated, service_role;
grant execute on function webhooks.if_reader(anyelement) to authenticated, service_role;

-- schemas/access/is_admin.sql
create or replace function webhooks.is_admin()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- a sign-in that has ended, or lacks the account's second factor, is not an admin's, whatever an app's own
    -- is_webhook_admin() says
    select webhooks.app_metadata() is not null
        and webhooks.second_factor_given()
        and coalesce(public.is_webhook_admin(), false)
$$;
comment on function webhooks.is_admin() is 'Whether the calling user is still signed in and a webhook admin. Policies and functions call it.';
revoke all on function webhooks.is_admin() from public, anon, authenticated, service_role;
grant execute on function webhooks.is_admin() to authenticated, service_role;

-- schemas/access/is_customer.sql
create or replace function webhooks.is_customer()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.caller() = 'authenticated' and not webhooks.is_admin() and not webhooks.is_viewer(false)
$$;
comment on function webhooks.is_customer() is 'Whether the caller is a user of a tenant. In a function that has checked the access, that is a caller who is neither a server nor one of the app''s staff.';
revoke all on function webhooks.is_customer() from public, anon, authenticated, service_role;

-- schemas/access/is_delivery_of.sql
create or replace function webhooks.is_delivery_of(delivery_id uuid, endpoints uuid[])
returns boolean
language plpgsql
stable
-- definer: a user with the permission manage alone cannot read deliveries
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return cardinality(is_delivery_of.endpoints) > 0 and exists (
        select from public.webhook_deliveries as d
        where d.id = is_delivery_of.delivery_id and d.webhook_config_id = any (is_delivery_of.endpoints));
end $$;
comment on function webhooks.is_delivery_of(uuid, uuid[]) is 'Whether a delivery exists and is one of these endpoints''.';
revoke all on function webhooks.is_delivery_of(uuid, uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.is_delivery_of(uuid, uuid[]) to authenticated, service_role;

-- schemas/access/is_platform_admin.sql
create or replace function webhooks.is_platform_admin()
returns boolean
language plpgsql
stable
-- definer: the calling user may not be able to read the platform's table of users
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _is_admin boolean := false;
begin
    if webhooks.users_have_roles() then
        execute 'select exists (select from public.users as u where u.id::text = webhooks.user_sub() and u.role::text = ''admin'')'
        into _is_admin;
    end if;
    return _is_admin and webhooks.users_role_problem() is null;
end $$;
comment on function webhooks.is_platform_admin() is 'Whether public.users.role, where the app has such a column and no user can change it, says that the signed-in user is an admin.';
revoke all on function webhooks.is_platform_admin() from public, anon, authenticated, service_role;
grant execute on function webhooks.is_platform_admin() to authenticated, service_role;

-- schemas/access/is_server.sql
create or replace function webhooks.is_server()
returns boolean
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
-- invoker: current_user is the caller; inside a definer function of the app, such as apply_referral_code, its owner
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    -- by role and not by grants, which a dump and restore into a new project hands out to everyone
    return pg_has_role(current_user, 'service_role', 'usage')
        or pg_has_role(current_user, (select n.nspowner from pg_namespace as n where n.nspname = 'webhooks'), 'usage');
end $$;
comment on function webhooks.is_server() is 'Whether the caller is server-side: service_role, the owner of this schema, or a role that inherits from them.';
revoke all on function webhooks.is_server() from public, anon, authenticated, service_role;
grant execute on function webhooks.is_server() to authenticated, service_role;

-- schemas/access/is_viewer.sql
create or replace function webhooks.is_viewer(payloads boolean)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- as for admins: not for a sign-in that has ended or lacks the account's second factor
    select webhooks.app_metadata() is not null
        and webhooks.second_factor_given()
        and coalesce(public.is_webhook_viewer(is_viewer.payloads), false)
$$;
comment on function webhooks.is_viewer(boolean) is 'Whether the calling user is still signed in and a webhook viewer, or one who sees payloads.';
revoke all on function webhooks.is_viewer(boolean) from public, anon, authenticated, service_role;
grant execute on function webhooks.is_viewer(boolean) to authenticated, service_role;

-- schemas/access/is_webhook_admin.sql
do $replaceable$
begin
    if to_regprocedure('public.is_webhook_admin()') is null then
        execute $function$create or replace function public.is_webhook_admin()
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.has_admin_role()
$$;
comment on function public.is_webhook_admin() is 'Whether the calling user is a webhook admin. `webhooks admins add EMAIL` adds one (app_metadata.webhooks_role). Replace the function for a rule of your own; `webhooks doctor` checks what you write.';
$function$;
    end if;
end $replaceable$;
revoke all on function public.is_webhook_admin() from public, anon, authenticated, service_role;
grant execute on function public.is_webhook_admin() to authenticated, service_role;

-- schemas/access/is_webhook_viewer.sql
do $replaceable$
begin
    if to_regprocedure('public.is_webhook_viewer(boolean)') is null then
        execute $function$create or replace function public.is_webhook_viewer(payloads boolean)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        m ->> 'webhooks_role' = 'viewer' and (not is_webhook_viewer.payloads or m -> 'webhooks_payloads' = 'true'), false)
    from webhooks.app_metadata() as m
$$;
comment on function public.is_webhook_viewer(boolean) is 'Whether the calling user is a webhook viewer, who reads and changes nothing; payloads: whether they also see payloads and responses. As shipped: app_metadata.webhooks_role is viewer, and webhooks_payloads is true. Replace the function for a rule of your own.';
$function$;
    end if;
end $replaceable$;
revoke all on function public.is_webhook_viewer(boolean) from public, anon, authenticated, service_role;
grant execute on function public.is_webhook_viewer(boolean) to authenticated, service_role;

-- schemas/access/mentions.sql
create or replace function webhooks.mentions(source text, schema_name text, object_name text)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- by its name alone, or after its schema's name, but not after another's: auth.users is not public.users
    select source ~* format('(^|[^.\w"])("?%s"?\.)?"?%s"?($|[^\w"])',
                            regexp_replace(schema_name, '\W', '.', 'g'), regexp_replace(object_name, '\W', '.', 'g'))
$$;
comment on function webhooks.mentions(text, text, text) is 'Whether SQL names an object.';
revoke all on function webhooks.mentions(text, text, text) from public, anon, authenticated, service_role;

-- schemas/access/random_key.sql
create or replace function webhooks.random_key()
returns bytea
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    -- Three random uuids hold 366 random bits from Postgres's strong source; SHA-256 makes 32 bytes of them, so no
    -- extension is needed.
    select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
$$;
comment on function webhooks.random_key() is '32 random bytes, for a secret or a token.';
revoke all on function webhooks.random_key() from public, anon, authenticated, service_role;

-- schemas/access/second_factor_given.sql
create or replace function webhooks.second_factor_given()
returns boolean
language plpgsql
stable
-- definer: users cannot read auth.mfa_factors
security definer
set search_path = pg_catalog, pg_temp
-- an error, rather than no factors, for an owner who may not see the rows
set row_security = off
as $$
declare
    _given boolean := true;
begin
    -- other providers have no such table, and tokens of their own format
    if webhooks.user_claims() ->> 'aal' is distinct from 'aal2' and to_regclass('auth.mfa_factors') is not null then
        execute 'select not exists (
            select from auth.mfa_factors as f where f.user_id = webhooks.user_id() and f.status::text = ''verified'')'
        into _given;
    end if;
    return _given;
end $$;
comment on function webhooks.second_factor_given() is 'Whether the session of the calling user is of the level aal2, or the account has no verified second factor.';
revoke all on function webhooks.second_factor_given() from public, anon, authenticated, service_role;
grant execute on function webhooks.second_factor_given() to authenticated, service_role;

-- schemas/access/secure.sql
create or replace function webhooks.secure()
returns table (kind text, object text, was text, should_be text)
language plpgsql
-- invoker, and for the owner alone: it grants and revokes
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _one record;
    _grant record;
    _what text;
begin
    if not exists (select from webhooks.expected_access) then
        raise exception 'webhooks.expected_access is empty, so the expected grants are unknown'
            using errcode = '55000', hint = 'This happens after a restore without data. Apply the migrations again: supabase db push.';
    end if;
    -- only what differs: hosted Supabase locks auth.* and storage.* for each policy that is created or dropped
    for _one in select d.* from webhooks.access_differences() as d loop
        case _one.kind
            when 'missing' then
                -- done by a migration
                continue;
            when 'row security' then
                execute format('alter table %s enable row level security', _one.object::regclass);
            when 'policy' then
                select p.policyname, format('%I.%I', p.schemaname, p.tablename) as on_table into _grant
                from pg_policies as p
                where format('%s.%s: %s', p.schemaname, p.tablename, p.policyname) = _one.object;
                if found then
                    execute format('drop policy %I on %s', _grant.policyname, _grant.on_table);
                end if;
                if _one.should_be <> 'not there' then
                    execute _one.should_be;
                end if;
            else
                _what := case _one.kind
                    when 'function' then 'function ' || _one.object::regprocedure
                    when 'schema' then 'schema ' || quote_ident(_one.object)
                    else _one.kind || ' ' || _one.object::regclass
                end;
                execute format('revoke all on %s from public, anon, authenticated, service_role', _what);
                for _grant in select g.key as role, g.value as privileges from jsonb_each(_one.should_be::jsonb) as g loop
                    execute format('grant %s on %s to %I', (
                        select string_agg(p, ', ') from jsonb_array_elements_text(_grant.privileges) as p), _what, _grant.role);
                end loop;
        end case;
        kind := _one.kind;
        object := _one.object;
        was := _one.is_now;
        should_be := _one.should_be;
        return next;
    end loop;
end $$;
comment on function webhooks.secure() is 'Repairs every grant, policy and row security flag of our objects, and returns what it changed. Run it after a restore: webhooks migrate secure.';
revoke all on function webhooks.secure() from public, anon, authenticated, service_role;

-- schemas/access/tenant_endpoints.sql
create or replace function webhooks.tenant_endpoints(tenants text[])
returns setof uuid
language plpgsql
stable
-- definer: for a user with the permission manage alone, the policies show no endpoint
security definer
set search_path = pg_catalog, pg_temp
rows 10
as $$
begin
    return query
    select c.id
    from public.webhook_configurations as c
    where c.tenant_id = any (tenant_endpoints.tenants);
end $$;
comment on function webhooks.tenant_endpoints(text[]) is 'The endpoints of tenants, deleted ones too.';
revoke all on function webhooks.tenant_endpoints(text[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.tenant_endpoints(text[]) to authenticated, service_role;

-- schemas/access/tenants.sql
create or replace function webhooks.tenants(permission text)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
-- about that many: what the planner expects of a policy's array
rows 10
as $$
    -- as for admins: not for a sign-in that has ended or lacks the account's second factor, whatever the app's rule says
    select t
    from (select webhooks.app_metadata() is not null and webhooks.second_factor_given() as signed_in) as s
    cross join lateral public.webhook_tenants(tenants.permission) as t
    where s.signed_in and t is not null
$$;
comment on function webhooks.tenants(text) is 'The tenants for which the calling user, still signed in, has a permission: public.webhook_tenants decides. Policies and functions call it once a statement.';
revoke all on function webhooks.tenants(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.tenants(text) to authenticated, service_role;

-- schemas/access/user_claims.sql
create or replace function webhooks.user_claims()
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- as auth.jwt(), without needing a privilege on the schema auth
    return coalesce(
        nullif(current_setting('request.jwt.claims', true), ''), nullif(current_setting('request.jwt.claim', true), ''), '{}')::jsonb;
end $$;
comment on function webhooks.user_claims() is 'The claims of the caller''s JWT; an empty object without one.';
revoke all on function webhooks.user_claims() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_claims() to authenticated, service_role;

-- schemas/access/user_id.sql
create or replace function webhooks.user_id()
returns uuid
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return webhooks.uuid_or_null(webhooks.user_sub());
end $$;
comment on function webhooks.user_id() is 'Like auth.uid(), but null if the id is not a uuid, as with third-party auth.';
revoke all on function webhooks.user_id() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_id() to authenticated, service_role;

-- schemas/access/user_sub.sql
create or replace function webhooks.user_sub()
returns text
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- auth.uid() casts it to uuid and fails for the ids of Clerk, Auth0 or Firebase
    return nullif(coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'), '');
end $$;
comment on function webhooks.user_sub() is 'The id of the signed-in user as its JWT has it, in whatever form; null for a server.';
revoke all on function webhooks.user_sub() from public, anon, authenticated, service_role;
grant execute on function webhooks.user_sub() to authenticated, service_role;

-- schemas/access/users_have_roles.sql
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

-- schemas/access/users_role_problem.sql
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

-- schemas/access/webhook_admin_check.sql
create or replace function public.webhook_admin_check()
returns void
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.check_admin()
$$;
comment on function public.webhook_admin_check() is 'Raises an error unless the caller is a server or a webhook admin: for pages that read tables, where others would see no rows because of row level security.';
revoke all on function public.webhook_admin_check() from public, anon, authenticated, service_role;
grant execute on function public.webhook_admin_check() to authenticated, service_role;

-- schemas/access/webhook_admins.sql
create or replace function webhooks.webhook_admins(email text default null)
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_admins, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _counts boolean := webhooks.users_role_problem() is null;
    _platform text[] := '{}';
begin
    if webhooks.users_have_roles() then
        execute 'select coalesce(array_agg(u.id::text), ''{}'') from public.users as u where u.role::text = ''admin'''
        into _platform;
    end if;
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
            'user_id', u.id, 'email', u.email, 'role', n.role, 'named_by', coalesce(n.named_by, '{}'), 'counts', n.counts) order by u.email), '[]')
        from auth.users as u
        cross join lateral (
            -- of two roles the one that may do more, which is also first in the alphabet
            select array_agg(x.by) as named_by, coalesce(bool_or(x.counts), false) as counts,
                   min(x.role) filter (where x.counts) as role
            from (values
                ('app_metadata.webhooks_role', u.raw_app_meta_data ->> 'webhooks_role' in ('admin', 'viewer'), true,
                 u.raw_app_meta_data ->> 'webhooks_role'),
                ('app_metadata.role', u.raw_app_meta_data ->> 'role' = 'admin', true, 'admin'),
                ('public.users.role', u.id::text = any (_platform), _counts, 'admin')
            ) as x (by, named, counts, role)
            where x.named
        ) as n
        where case when webhook_admins.email is null then n.named_by is not null
                   else u.email = lower(btrim(webhook_admins.email)) end);
end $$;
comment on function webhooks.webhook_admins(text) is 'Behind public.webhook_admins.';
revoke all on function webhooks.webhook_admins(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_admins(text) to service_role;

-- schemas/access/webhook_inventory.sql
create or replace function webhooks.webhook_inventory()
returns jsonb
language sql
stable
-- definer: behind public.webhook_inventory, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    with relation as (
        select c.oid, c.relkind, c.relrowsecurity, c.reloptions, format('%s.%s', n.nspname, c.relname) as name
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'S') and not c.relispartition
          and (n.nspname = 'webhooks' or exists (
              select from webhooks.expected_access as e where e.object = format('%s.%s', n.nspname, c.relname)))
    ),
    part (kind, name, definition) as (
        select 'table', r.name, 'row security ' || r.relrowsecurity from relation as r where r.relkind in ('r', 'p')
        union all
        select 'view', r.name, coalesce(r.reloptions::text, '') from relation as r where r.relkind = 'v'
        union all
        select 'column', r.name || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                         pg_get_expr(d.adbin, d.adrelid))
        from relation as r
        join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef as d on d.adrelid = r.oid and d.adnum = a.attnum
        where r.relkind <> 'S'
        union all
        -- existing rows may be exempt
        select 'constraint', r.name || '.' || k.conname, replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')
        from relation as r
        join pg_constraint as k on k.conrelid = r.oid and k.contype in ('p', 'u', 'f', 'c')
        union all
        select 'index', r.name || '.' || c.relname, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
        from relation as r
        join pg_index as i on i.indrelid = r.oid
        join pg_class as c on c.oid = i.indexrelid
        union all
        select 'trigger', r.name || '.' || t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
        from relation as r
        join pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
        union all
        select 'function', p.oid::regprocedure::text,
               concat_ws(' ', p.provolatile::text, p.prosecdef, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                         p.proconfig::text, md5(p.prosrc))
        from pg_proc as p
        join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname = 'webhooks'
           or p.oid = any (array(select to_regprocedure(e.object)::oid from webhooks.expected_access as e where e.kind = 'function'))
        union all
        select 'policy', format('%s.%s.%s', p.schemaname, p.tablename, p.policyname),
               concat_ws(' ', p.permissive, p.cmd, p.roles::text, webhooks.bare_condition(p.qual), p.with_check)
        from pg_policies as p
        join relation as r on r.name = format('%s.%s', p.schemaname, p.tablename)
        union all
        select 'grant', a.object, concat_ws(' ', a.grants, nullif(a.columns, '[]'))
        from webhooks.actual_access as a
        where a.kind <> 'table' or exists (select from relation as r where r.name = a.object)
    )
    select jsonb_object_agg(k.kind, k.objects)
    from (
        select p.kind, jsonb_object_agg(p.name, left(md5(p.definition), 12)) as objects from part as p group by p.kind
    ) as k
$$;
comment on function webhooks.webhook_inventory() is 'Behind public.webhook_inventory.';
revoke all on function webhooks.webhook_inventory() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_inventory() to service_role;

-- schemas/access/webhook_role.sql
create or replace function public.webhook_role()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when webhooks.is_admin() then 'admin'
        when webhooks.is_viewer(false) then 'viewer'
    end
$$;
comment on function public.webhook_role() is 'What the calling user is here: admin, viewer (reads, changes nothing), or null. The dashboard asks it at the sign-in.';
revoke all on function public.webhook_role() from public, anon, authenticated, service_role;
grant execute on function public.webhook_role() to authenticated, service_role;

-- schemas/access/webhook_tenants.sql
do $replaceable$
begin
    if to_regprocedure('public.webhook_tenants(text)') is null then
        execute $function$create or replace function public.webhook_tenants(permission text)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select null::text where false
$$;
comment on function public.webhook_tenants(text) is 'The tenants for which the calling user has a permission: read, manage or dispatch. It returns none until you replace it: docs/customers.md has examples.';
$function$;
    end if;
end $replaceable$;
revoke all on function public.webhook_tenants(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_tenants(text) to authenticated, service_role;

-- schemas/access/without_comments.sql
create or replace function webhooks.without_comments(source text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select regexp_replace(regexp_replace(source, '/\*.*?\*/', ' ', 'g'), '--[^\n]*', ' ', 'g')
$$;
comment on function webhooks.without_comments(text) is 'SQL without its comments.';
revoke all on function webhooks.without_comments(text) from public, anon, authenticated, service_role;

-- schemas/access/written_by_users.sql
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

-- schemas/events/uuid_or_null.sql
create or replace function webhooks.uuid_or_null(value text)
returns uuid
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when value ~ '^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$' then value::uuid
    end;
end $$;
revoke all on function webhooks.uuid_or_null(text) from public, anon, authenticated, service_role;

-- schemas/endpoints/touch_endpoint.sql
create or replace function webhooks.touch_endpoint()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    if new.is_active and not old.is_active then
        new.disabled_at := null;
        new.disabled_reason := null;
    end if;
    return new;
end $$;
revoke all on function webhooks.touch_endpoint() from public, anon, authenticated, service_role;

-- schemas/endpoints/check_endpoint.sql
-- Endpoints may subscribe to the system's own events, which cannot be dispatched: they are not in the catalog.
create or replace function webhooks.check_endpoint()
returns trigger
language plpgsql
-- definer: callers that write an endpoint hold no privilege on the tables it is checked against
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _problem text;
    _unknown text;
    _kept jsonb;
begin
    -- an upsert's: see move_endpoint_secrets
    if tg_op = 'UPDATE' and (new.secret_key = 'kept:' || new.id or new.headers = jsonb_build_object('kept', new.id)) then
        _kept := nullif(current_setting('webhooks.kept_secrets', true), '')::jsonb -> new.id::text;
        if new.secret_key = 'kept:' || new.id then
            new.secret_key := _kept ->> 'secret_key';
        end if;
        if new.headers = jsonb_build_object('kept', new.id) then
            new.headers := nullif(_kept -> 'headers', 'null');
        end if;
    end if;
    if tg_op = 'INSERT' or new.url is distinct from old.url then
        new.url := webhooks.normal_url(new.url);
        if tg_op = 'UPDATE' and old.url like 'listen:%' then
            raise exception 'webhook endpoint "%" is that of a listener: its URL cannot change', new.name
                using errcode = '22023', hint = 'It ends with `webhooks listen`. Create an endpoint for another URL.';
        end if;
        -- that of a listener, which webhooks.start_webhook_listener creates with it
        if not (new.url like 'listen:%' and exists (select from webhooks.listeners as l where l.webhook_config_id = new.id)) then
            _problem := webhooks.url_problem(new.url);
        end if;
        if _problem is not null then
            raise exception 'webhook endpoint "%": %', new.name, _problem using errcode = '22023';
        end if;
    end if;
    if tg_op = 'INSERT' or new.events is distinct from old.events then
        if cardinality(new.events) = 0 then
            raise exception 'webhook endpoint "%" has no events', new.name
                using errcode = '22023', hint = 'Set events to types such as {user.joined_community}, families {user.*}, or {*}.';
        end if;
        if cardinality(new.events) > 1000 or array_ndims(new.events) > 1 or array_lower(new.events, 1) <> 1 then
            raise exception 'webhook endpoint "%": events must be a plain list of at most 1000', new.name
                using errcode = '22023', hint = 'Set events to types such as {user.joined_community}, families {user.*}, or {*}.';
        end if;
        select left(string_agg(coalesce(pattern, 'null'), ', '), 1000) into _unknown
        from unnest(new.events) as pattern
        where pattern is null or not (
            pattern = '*' or (new.tenant_id is null and pattern in (
                'webhook.*', 'webhook.alert', 'webhooks.*', 'webhooks.endpoint_failing', 'webhooks.endpoint_disabled',
                'webhooks.endpoint_recovered'))
            or exists (select from public.webhook_event_types t
                       where t.analytics_destination is null
                         -- to a tenant, what it cannot receive does not exist
                         and (new.tenant_id is null or t.audience = 'customers')
                         and (t.name = pattern or split_part(t.name, '.', 1) || '.*' = pattern)));
        if _unknown is not null then
            raise exception 'webhook endpoint "%" subscribes to events that are not in the catalog: %', new.name, _unknown
                using errcode = '22023', hint = 'The catalog is public.webhook_event_types; families are written user.*, all events *.';
        end if;
    end if;
    if tg_op = 'INSERT' then
        new := webhooks.check_tenant(new, null);
    elsif coalesce(new.tenant_id, old.tenant_id) is not null then
        new := webhooks.check_tenant(new, old);
    end if;
    _problem := webhooks.secret_problem(new.secret_key);
    if _problem is not null then
        raise exception 'webhook endpoint "%": %', new.name, _problem
            using errcode = '22023', hint = 'Create one with: webhooks secret, or: webhooks secret --ed25519';
    end if;
    _problem := webhooks.headers_problem(
        -- valid headers: they move to a table of their own
        coalesce(new.headers, (select s.headers from webhooks.endpoint_secrets as s where s.webhook_config_id = new.id)),
        split_part(new.url, ':', 1));
    if _problem is not null then
        raise exception 'webhook endpoint "%": headers: %', new.name, _problem using errcode = '22023';
    end if;
    return new;
end $$;
comment on function webhooks.check_endpoint() is 'Rejects an endpoint that cannot be delivered to because of its URL, events, secret or headers. No error contains a secret or a header''s value.';
revoke all on function webhooks.check_endpoint() from public, anon, authenticated, service_role;

-- schemas/endpoints/move_endpoint_secrets.sql
create or replace function webhooks.move_endpoint_secrets()
returns trigger
language plpgsql
-- definer: callers that write an endpoint hold no privilege on the table of secrets
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- An upsert of an endpoint that exists comes here first as an insert. Its update gets what this row holds, as
    -- `excluded`: not the values, which an error about the row would show, but a mark that they are kept for it. The
    -- endpoint's check, the first of the update's triggers, puts them in again.
    if tg_op = 'INSERT' and exists (select from public.webhook_configurations as c where c.id = new.id) then
        perform set_config('webhooks.kept_secrets', (
            coalesce(nullif(current_setting('webhooks.kept_secrets', true), ''), '{}')::jsonb
            || jsonb_build_object(new.id, jsonb_build_object('secret_key', new.secret_key, 'headers', new.headers)))::text, true);
        new.secret_key := case when new.secret_key <> '' then 'kept:' || new.id else new.secret_key end;
        new.headers := case when new.headers <> '{}' then jsonb_build_object('kept', new.id) else new.headers end;
        return new;
    end if;
    -- the table rejects a row without an id, and so would the table of secrets, whose error would show it
    if new.id is null then
        new.secret_key := null;
        new.headers := null;
        return new;
    end if;
    insert into webhooks.endpoint_secrets as s (webhook_config_id, secret_key, headers)
    values (new.id, nullif(new.secret_key, ''), nullif(new.headers, '{}'))
    on conflict (webhook_config_id) do update
    set secret_key = case when new.secret_key is null then s.secret_key else excluded.secret_key end,
        headers = case when new.headers is null then s.headers else excluded.headers end;
    new.secret_key := null;
    new.headers := null;
    return new;
end $$;
comment on function webhooks.move_endpoint_secrets() is 'Moves a secret and headers that were written to an endpoint into webhooks.endpoint_secrets, in the same statement.';
revoke all on function webhooks.move_endpoint_secrets() from public, anon, authenticated, service_role;

-- schemas/circuits/new_circuit.sql
create or replace function webhooks.new_circuit()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.webhook_circuits (webhook_config_id) values (new.id) on conflict do nothing;
    -- a worker that listens checks the URL at once
    perform pg_notify('webhook_deliveries', '');
    return null;
end $$;
comment on function webhooks.new_circuit() is 'Gives a new endpoint a closed circuit, and has its URL checked.';
revoke all on function webhooks.new_circuit() from public, anon, authenticated, service_role;

-- schemas/circuits/reset_circuit.sql
create or replace function webhooks.reset_circuit()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- earlier results no longer count
    update public.webhook_circuits as h
    set state = 'closed', since = now(), open_until = null, consecutive_failures = 0, window_started_at = now(),
        window_attempts = 0, window_failures = 0, failing_since = null, undelivered_at = null, paused_until = null,
        places = null, failed_probes = 0, last_status = null, last_error = null,
        url_check_at = now(), url_checked_at = null, url_warning = null
    where h.webhook_config_id = new.id;
    return null;
end $$;
comment on function webhooks.reset_circuit() is 'Closes the circuit of an endpoint when it is enabled again.';
revoke all on function webhooks.reset_circuit() from public, anon, authenticated, service_role;

-- schemas/circuits/check_url_again.sql
create or replace function webhooks.check_url_again()
returns trigger
language plpgsql
-- definer: circuits are written by the system alone
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- findings about the old URL no longer count
    update public.webhook_circuits as h
    set url_check_at = now(), url_checked_at = null, url_warning = null
    where h.webhook_config_id = new.id;
    -- a worker that listens checks it at once
    perform pg_notify('webhook_deliveries', '');
    return null;
end $$;
comment on function webhooks.check_url_again() is 'Requests a check of an endpoint''s URL when it leads elsewhere, or its credentials change.';
revoke all on function webhooks.check_url_again() from public, anon, authenticated, service_role;

-- schemas/deliveries/complete_delivery.sql
create or replace function webhooks.complete_delivery()
returns trigger
language plpgsql
-- definer: callers that insert a delivery need no privilege on the helpers
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_payload_size(new.payload);
    new.request_id := coalesce(new.request_id, webhooks.uuid_or_null(new.payload ->> 'request_id'), gen_random_uuid());
    new.actor_id := coalesce(new.actor_id, new.payload ->> 'actor_user_id');
    -- a delivery to a tenant's endpoint is the tenant's
    new.tenant_id := coalesce(new.tenant_id, (
        select c.tenant_id from public.webhook_configurations as c where c.id = new.webhook_config_id));
    if new.status = 'failed' then
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        values (new.id, new.webhook_config_id, new.created_at)
        on conflict (delivery_id) do nothing;
    end if;
    if new.status in ('delivered', 'failed') then
        new.finished_at := coalesce(new.finished_at, now());
    end if;
    return new;
end $$;
comment on function webhooks.complete_delivery() is 'Completes a row that an edge function inserted with only endpoint, event type and payload.';
revoke all on function webhooks.complete_delivery() from public, anon, authenticated, service_role;

-- schemas/deliveries/note_traceparent.sql
create or replace function webhooks.note_traceparent()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    new.traceparent := (
        select h.value
        from json_each_text(current_setting('request.headers', true)::json) as h (key, value)
        where lower(h.key) = 'traceparent' and h.value ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
        limit 1);
    return new;
exception
    when invalid_text_representation then
        -- invalid JSON in the headers must not lose an event
        return new;
end $$;
comment on function webhooks.note_traceparent() is 'Stores the traceparent of the request that creates a delivery.';
revoke all on function webhooks.note_traceparent() from public, anon, authenticated, service_role;

-- schemas/deliveries/queue_deliveries.sql
create or replace function webhooks.queue_deliveries()
returns trigger
language plpgsql
-- definer: callers that insert a delivery hold no privilege on the queue
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into webhooks.delivery_queue (delivery_id, webhook_config_id, created_at, due_at, ready)
    select n.id, n.webhook_config_id, n.created_at, n.next_attempt_at, n.next_attempt_at <= now()
    from new_rows as n
    where n.status in ('pending', 'processing')
    on conflict (delivery_id) do nothing;
    if found then
        perform webhooks.wake_workers();
    end if;
    return null;
end $$;
comment on function webhooks.queue_deliveries() is 'Queues the deliveries that a statement inserted, and wakes the workers.';
revoke all on function webhooks.queue_deliveries() from public, anon, authenticated, service_role;

-- schemas/deliveries/follow_delivery.sql
create or replace function webhooks.follow_delivery()
returns trigger
language plpgsql
-- definer: callers that update a delivery hold no privilege on the queue
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if new.erased_at is not null and new.status = 'pending' then
        raise exception 'the payload of webhook delivery % was erased: it cannot be sent again', new.id
            using errcode = '22023', hint = 'Dispatch the event again.';
    end if;
    new.finished_at := case when new.status in ('delivered', 'failed') then coalesce(new.finished_at, now()) end;
    if new.status = 'pending' and (old.status <> 'pending' or new.next_attempt_at is distinct from old.next_attempt_at) then
        perform webhooks.queue_again(new.id, new.webhook_config_id, new.created_at, new.next_attempt_at);
    elsif new.status in ('delivered', 'failed') then
        delete from webhooks.delivery_queue as q where q.delivery_id = new.id;
    end if;
    if new.status = 'failed' then
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        values (new.id, new.webhook_config_id, new.created_at)
        on conflict (delivery_id) do nothing;
    else
        delete from webhooks.failed_deliveries as f where f.delivery_id = new.id;
    end if;
    if new.created_at is distinct from old.created_at then
        -- the partition that it is found in
        update webhooks.delivery_queue as q set created_at = new.created_at where q.delivery_id = new.id;
        update webhooks.failed_deliveries as f set created_at = new.created_at where f.delivery_id = new.id;
    end if;
    return new;
end $$;
comment on function webhooks.follow_delivery() is 'Updates the queue when someone changes a status or a due time in webhook_deliveries.';
revoke all on function webhooks.follow_delivery() from public, anon, authenticated, service_role;

-- schemas/deliveries/forget_deliveries.sql
create or replace function webhooks.forget_deliveries()
returns trigger
language plpgsql
-- definer: callers that delete a delivery hold no privilege on its dependent rows
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'TRUNCATE' then
        truncate webhooks.delivery_queue, webhooks.failed_deliveries, public.webhook_attempts;
        return null;
    end if;
    delete from webhooks.delivery_queue as q using old_rows as o where q.delivery_id = o.id;
    delete from webhooks.failed_deliveries as f using old_rows as o where f.delivery_id = o.id;
    delete from public.webhook_attempts as a using old_rows as o where a.delivery_id = o.id;
    return null;
end $$;
comment on function webhooks.forget_deliveries() is 'Deletes the queue''s rows and the attempts of deleted deliveries.';
revoke all on function webhooks.forget_deliveries() from public, anon, authenticated, service_role;

-- schemas/deliveries/wake_for_endpoint.sql
create or replace function webhooks.wake_for_endpoint()
returns trigger
language plpgsql
-- definer: callers that change an endpoint may not notify
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.wake_workers();
    return null;
end $$;
comment on function webhooks.wake_for_endpoint() is 'Wakes the workers when an endpoint may receive more than before.';
revoke all on function webhooks.wake_for_endpoint() from public, anon, authenticated, service_role;

-- schemas/events/webhook_event_types.sql
-- The event catalog: what may be dispatched, with the shape of its data. An app's analytics events may
-- be listed here too, so that dispatching one is an error that says where it belongs.

create table if not exists public.webhook_event_types (
    name text primary key check (name ~ '^[a-z0-9_]+(\.[a-z0-9_]+)*$'),
    description text not null,
    data_schema jsonb check (jsonb_typeof(data_schema) = 'object'),
    example jsonb check (jsonb_typeof(example) = 'object'),
    analytics_destination text,
    created_at timestamptz not null default now(),
    audience text not null default 'internal' check (audience in ('internal', 'customers')),
    users_may_dispatch boolean not null default false,
    keep_for interval check (keep_for > interval '0'),
    redact text[],
    constraint webhook_event_types_webhook_or_analytics check (
        (analytics_destination is null and data_schema is not null and example is not null)
        or (analytics_destination is not null and data_schema is null and example is null)
    )
);
comment on table public.webhook_event_types is 'The event catalog: each type''s meaning, the JSON Schema of its data, and an example.';
comment on column public.webhook_event_types.name is 'As given to dispatch_webhook, for example user.joined_community.';
comment on column public.webhook_event_types.description is 'What the event means, in a sentence.';
comment on column public.webhook_event_types.data_schema is 'JSON Schema of event_data. Required keys and types are checked always, all of it where pg_jsonschema is installed.';
comment on column public.webhook_event_types.example is 'An example of event_data that satisfies data_schema.';
comment on column public.webhook_event_types.analytics_destination is 'Set for an analytics event, which is rejected as a webhook: where it goes instead.';
comment on column public.webhook_event_types.audience is 'internal: the app''s own endpoints only. customers: tenants'' endpoints may receive it too.';
comment on column public.webhook_event_types.users_may_dispatch is 'Whether signed-in users may dispatch it, not only servers.';
comment on column public.webhook_event_types.keep_for is 'How long its finished deliveries are kept, if that is shorter than retention; empty: as long as all others.';
comment on column public.webhook_event_types.redact is 'Fields of its data, such as {email,user.name}, that are overwritten in what is stored once it is delivered. Such a delivery cannot be sent again.';
alter table public.webhook_event_types enable row level security;
revoke all on public.webhook_event_types from public, anon, authenticated, service_role;
grant select on public.webhook_event_types to authenticated;
grant select, insert, update, delete on public.webhook_event_types to service_role;

-- schemas/events/idempotency_keys.sql
create table if not exists webhooks.idempotency_keys (
    scope text not null,
    key text not null check (length(key) between 1 and 255),
    request_id uuid not null,
    deliveries integer not null default 0,
    created_at timestamptz not null default now(),
    actor_user_id uuid,
    awaits_change boolean not null default false,
    tenant_id text,
    primary key (scope, key)
);
create index if not exists idx_idempotency_keys_created_at on webhooks.idempotency_keys (created_at);
create index if not exists idx_idempotency_keys_changes on webhooks.idempotency_keys (key) where scope like 'change%';
comment on table webhooks.idempotency_keys is 'The result of a dispatch with an idempotency_key, so that a repetition returns the same.';
alter table webhooks.idempotency_keys enable row level security;
revoke all on webhooks.idempotency_keys from public, anon, authenticated, service_role;
comment on column webhooks.idempotency_keys.scope is 'The owner of the key: user: and a user''s id, server, admin, or change: and the transaction, for what a trigger emitted. Keys of different callers never collide.';
comment on column webhooks.idempotency_keys.actor_user_id is 'For a change: who did it. Another user''s dispatch does not find it.';
comment on column webhooks.idempotency_keys.awaits_change is 'A server dispatched the event before its change; the trigger skips the change when it follows in the same transaction.';
comment on column webhooks.idempotency_keys.tenant_id is 'For a change: the tenant of its event. Users who may not read for it do not find it.';

-- schemas/events/dispatch_allowances.sql
create table if not exists webhooks.dispatch_allowances (
    user_sub text primary key,
    events double precision not null,
    at timestamptz not null default now()
) with (fillfactor = 50);
comment on table webhooks.dispatch_allowances is 'How many events each user could dispatch at a given time; it refills by the limit per minute, up to the limit.';
alter table webhooks.dispatch_allowances enable row level security;
revoke all on webhooks.dispatch_allowances from public, anon, authenticated, service_role;

-- schemas/endpoints/url_schemes.sql
create table if not exists webhooks.url_schemes (
    scheme text primary key check (scheme ~ '^[a-z][a-z0-9+.-]*$'),
    pattern text not null,
    example text not null,
    constraint url_schemes_example_matches check (example ~ pattern)
);
comment on table webhooks.url_schemes is 'The schemes of endpoint URLs. The workers need an adapter for each; webhooks/destinations.py parses the first five.';
comment on column webhooks.url_schemes.pattern is 'A regular expression for a whole URL, the same as GRAMMAR in webhooks/destinations.py.';
comment on column webhooks.url_schemes.example is 'An example URL, shown in errors.';
alter table webhooks.url_schemes enable row level security;
revoke all on webhooks.url_schemes from public, anon, authenticated, service_role;

insert into webhooks.url_schemes (scheme, pattern, example) values
('https', '^https://(\[[0-9A-Fa-f:]+\]|([A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.)*[A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.?)(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?([/?][^#]*)?$',
 'https://example.com/webhooks'),
('http', '^http://(\[[0-9A-Fa-f:]+\]|([A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.)*[A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.?)(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?([/?][^#]*)?$',
 'http://localhost:8000/webhooks'),
('sqs', '^sqs://(([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?/[0-9]{12}/)?[A-Za-z0-9_-]{1,80}(\.fifo)?\?(endpoint_url=https?://([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?(/[A-Za-z0-9._~/-]*)?&)?region=[a-z0-9-]+(&endpoint_url=https?://([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?(/[A-Za-z0-9._~/-]*)?)?$',
 'sqs://my-queue?region=us-east-1'),
('pubsub', '^pubsub://[a-z][a-z0-9.:-]{4,61}[a-z0-9]/[A-Za-z][A-Za-z0-9._~+%-]{2,254}(\?ordering_key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)?$',
 'pubsub://my-project/my-topic'),
('kafka', '^kafka://([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?(,([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?)*/[A-Za-z0-9._-]{1,249}(\?(key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*|tls=true|tls=false|sasl=PLAIN|sasl=SCRAM-SHA-256|sasl=SCRAM-SHA-512)(&(key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*|tls=true|tls=false|sasl=PLAIN|sasl=SCRAM-SHA-256|sasl=SCRAM-SHA-512))*)?$',
 'kafka://broker:9092/my-topic')
on conflict (scheme) do nothing;

-- schemas/endpoints/webhook_configurations.sql
-- Endpoints: who receives which events, and where. The first generation's table, with its column names.
create table if not exists public.webhook_configurations (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    url text not null,
    events text[] not null,
    secret_key text,
    is_active boolean not null default true,
    created_by uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    max_attempts integer not null default 3
        constraint webhook_configurations_max_attempts_check check (max_attempts between 1 and 20),
    disabled_at timestamptz,
    disabled_reason text,
    credentials_profile text,
    rate_limit_per_second integer
        constraint webhook_configurations_rate_limit_per_second_check check (rate_limit_per_second between 1 and 100000),
    max_concurrency integer
        constraint webhook_configurations_max_concurrency_check check (max_concurrency between 1 and 10000),
    timeout_seconds double precision
        constraint webhook_configurations_timeout_seconds_check check (timeout_seconds between 0.1 and 120),
    headers jsonb,
    circuit_failure_threshold integer
        constraint webhook_configurations_circuit_failure_threshold_check check (circuit_failure_threshold between 1 and 10000),
    circuit_reset_seconds integer
        constraint webhook_configurations_circuit_reset_seconds_check check (circuit_reset_seconds between 1 and 86400),
    retry_schedule integer[]
        constraint webhook_configurations_retry_schedule_check check (
            cardinality(retry_schedule) between 0 and 19 and array_position(retry_schedule, null) is null
            and 0 <= all (retry_schedule) and 604800 >= all (retry_schedule) and coalesce(array_lower(retry_schedule, 1), 1) = 1),
    expires_after interval
        constraint webhook_configurations_expires_after_check check (expires_after > interval '0' and expires_after <= interval '10 years'),
    tenant_id text
        constraint webhook_configurations_tenant_id_check check (length(tenant_id) between 1 and 255),
    managed_by text,
    deleted_at timestamptz
        constraint webhook_configurations_deleted_check check (deleted_at is null or not is_active)
);

create index if not exists idx_webhook_configurations_active on public.webhook_configurations (is_active) where is_active;
-- a dispatch reads the app's own endpoints, and those of one tenant, however many tenants there are
create index if not exists idx_webhook_configurations_own_events
    on public.webhook_configurations using gin (events) where tenant_id is null;
create index if not exists idx_webhook_configurations_of_tenant
    on public.webhook_configurations (tenant_id) where tenant_id is not null;

comment on table public.webhook_configurations is 'Webhook endpoints: each active row receives a delivery of every event it subscribes to.';
comment on column public.webhook_configurations.url is 'Where deliveries go: https://host/path, sqs://queue?region=..., pubsub://project/topic or kafka://broker:9092/topic. Do not put a password in it.';
comment on column public.webhook_configurations.events is 'Subscriptions: event types (user.joined_community), families (user.*), or * for all.';
comment on column public.webhook_configurations.secret_key is 'Write only: the secret that signs each delivery. It is moved out of this table at once, and reads as null. null: unchanged; an empty string: deleted. whsec_ + base64 of 32 random bytes, whsk_ + base64 of an ed25519 key, or any other string.';
comment on column public.webhook_configurations.is_active is 'Inactive endpoints receive no new deliveries; their pending ones are held.';
comment on column public.webhook_configurations.created_by is 'The user who created it. It outlives the account.';
comment on column public.webhook_configurations.max_attempts is 'A delivery fails permanently after this many attempts (1 to 20). A retry_schedule takes precedence.';
comment on column public.webhook_configurations.disabled_at is 'When the system disabled the endpoint.';
comment on column public.webhook_configurations.disabled_reason is 'Why it did, for example a 410 Gone response.';
comment on column public.webhook_configurations.credentials_profile is 'The name of an entry of the workers'' WEBHOOKS_CREDENTIALS; empty: what the SDK finds itself. Never a credential.';
comment on column public.webhook_configurations.rate_limit_per_second is 'Maximum deliveries per second, over all workers; empty: no limit.';
comment on column public.webhook_configurations.max_concurrency is 'Maximum concurrent deliveries, over all workers; empty: no limit.';
comment on column public.webhook_configurations.timeout_seconds is 'Timeout of one attempt; empty: the workers'' setting.';
comment on column public.webhook_configurations.headers is 'Write only: extra headers as {"Name": "value"}, for example an Authorization that the receiver needs. Moved out of this table at once, like secret_key. null: unchanged; {}: deleted.';
comment on column public.webhook_configurations.circuit_failure_threshold is 'Consecutive failures that open the circuit; empty: the workers'' setting (5).';
comment on column public.webhook_configurations.circuit_reset_seconds is 'How long the circuit stays open before one request probes the endpoint; empty: the workers'' setting (300).';
comment on column public.webhook_configurations.retry_schedule is 'Seconds to wait after each attempt, for example {5,300,1800}: one more attempt than entries. Empty: max_attempts with 2, 4, 8 ... seconds between them.';
comment on column public.webhook_configurations.expires_after is 'A delivery older than this fails as expired; empty: never.';
comment on column public.webhook_configurations.tenant_id is 'The customer of the app that owns the endpoint; empty: the app itself.';
comment on column public.webhook_configurations.managed_by is 'The tool that manages the endpoint as code; empty: people do.';
comment on column public.webhook_configurations.deleted_at is 'When the endpoint was deleted and its history kept.';

create or replace trigger update_webhook_configurations_updated_at
    before update on public.webhook_configurations
    for each row execute function webhooks.touch_endpoint();
create or replace trigger check_webhook_endpoint
    before insert or update of url, events, secret_key, headers, tenant_id, credentials_profile, rate_limit_per_second
    on public.webhook_configurations
    for each row execute function webhooks.check_endpoint();
-- after the check by name, as triggers fire in the order of their names
create or replace trigger move_webhook_endpoint_secrets
    before insert or update of secret_key, headers on public.webhook_configurations
    for each row when (new.secret_key is not null or new.headers is not null)
    execute function webhooks.move_endpoint_secrets();
create or replace trigger new_webhook_circuit
    after insert on public.webhook_configurations
    for each row execute function webhooks.new_circuit();
create or replace trigger reset_webhook_circuit
    after update of is_active on public.webhook_configurations
    for each row when (new.is_active and not old.is_active)
    execute function webhooks.reset_circuit();
create or replace trigger wake_for_webhook_endpoint
    after update of is_active, rate_limit_per_second, max_concurrency on public.webhook_configurations
    for each row when (new.is_active and (
        not old.is_active
        or new.rate_limit_per_second is distinct from old.rate_limit_per_second
        or new.max_concurrency is distinct from old.max_concurrency))
    execute function webhooks.wake_for_endpoint();
create or replace trigger check_webhook_url_again
    after update of url, credentials_profile on public.webhook_configurations
    for each row when (new.url <> old.url or new.credentials_profile is distinct from old.credentials_profile)
    execute function webhooks.check_url_again();

alter table public.webhook_configurations enable row level security;
-- Each side of the "or" is a condition on an index, so that Postgres looks into both (BitmapOr), where
-- "(select webhooks.is_admin())" in its place would make it read the whole table, for everyone: they share the plan.
revoke all on public.webhook_configurations from public, anon, authenticated, service_role;
grant select on public.webhook_configurations to authenticated;
grant select, insert, update, delete on public.webhook_configurations to service_role;

-- schemas/endpoints/webhook_tenant_limits.sql
create table if not exists public.webhook_tenant_limits (
    tenant_id text primary key,
    endpoints integer check (endpoints >= 0),
    deliveries_per_second integer check (deliveries_per_second between 1 and 100000),
    schemes text[] check (cardinality(schemes) > 0),
    private_networks boolean,
    keep_for interval check (keep_for > interval '0'),
    constraint webhook_tenant_limits_defaults check (
        tenant_id <> '' or num_nulls(endpoints, deliveries_per_second, schemes, private_networks) = 0)
);
comment on table public.webhook_tenant_limits is 'What tenants'' endpoints may do: the row with an empty tenant_id holds the defaults, another row what differs for its tenant. A change applies to endpoints that are created or changed afterwards.';
comment on column public.webhook_tenant_limits.tenant_id is 'The tenant; an empty string: the defaults of all.';
comment on column public.webhook_tenant_limits.endpoints is 'How many endpoints a tenant can have; empty: the default.';
comment on column public.webhook_tenant_limits.deliveries_per_second is 'The sum of the rate limits of a tenant''s endpoints; empty: the default. An endpoint without a rate limit of its own gets an equal share.';
comment on column public.webhook_tenant_limits.schemes is 'The URL schemes of a tenant''s endpoints, for example {https}; empty: the default.';
comment on column public.webhook_tenant_limits.private_networks is 'Whether a tenant''s deliveries can go to the private networks that the workers'' setting allows; empty: the default.';
comment on column public.webhook_tenant_limits.keep_for is 'How long finished deliveries of the tenant''s events are kept, if that is shorter than retention; empty, also as a default: as long as all others.';
alter table public.webhook_tenant_limits enable row level security;
revoke all on public.webhook_tenant_limits from public, anon, authenticated, service_role;
grant select on public.webhook_tenant_limits to authenticated;
grant select, insert, update, delete on public.webhook_tenant_limits to service_role;
insert into public.webhook_tenant_limits (tenant_id, endpoints, deliveries_per_second, schemes, private_networks)
values ('', 20, 100, '{https}', false)
on conflict do nothing;

-- schemas/endpoints/endpoint_secrets.sql
-- What signs and what authenticates, outside of every exposed schema.
create table if not exists webhooks.endpoint_secrets (
    webhook_config_id uuid primary key,
    secret_key text check (secret_key <> ''),
    headers jsonb,
    constraint endpoint_secrets_webhook_config_id_fkey
        foreign key (webhook_config_id) references public.webhook_configurations (id) on delete cascade
        -- written by a trigger before the endpoint's own row
        deferrable initially deferred
);
comment on table webhooks.endpoint_secrets is 'The secret that signs an endpoint''s deliveries, and its extra headers.';
comment on column webhooks.endpoint_secrets.secret_key is 'As given, or fernet:... once a worker has encrypted it.';
alter table webhooks.endpoint_secrets enable row level security;
revoke all on webhooks.endpoint_secrets from public, anon, authenticated, service_role;

-- schemas/endpoints/previous_secrets.sql
create table if not exists webhooks.previous_secrets (
    webhook_config_id uuid not null references public.webhook_configurations (id) on delete cascade,
    secret_key text not null,
    replaced_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    primary key (webhook_config_id, replaced_at)
);
comment on table webhooks.previous_secrets is 'Secrets that were rotated out and still sign until they expire.';
comment on column webhooks.previous_secrets.expires_at is 'When it stops signing deliveries.';
alter table webhooks.previous_secrets enable row level security;
revoke all on webhooks.previous_secrets from public, anon, authenticated, service_role;

-- schemas/circuits/webhook_circuits.sql
-- One circuit per endpoint: closed, open after repeated failures, half-open for one request that probes the endpoint.
-- Postgres decides, since every claim and every result passes through it anyway: all workers agree, a restart
-- forgets nothing, and no delivery waits for a round trip.

create table if not exists public.webhook_circuits (
    webhook_config_id uuid primary key references public.webhook_configurations (id) on delete cascade,
    state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
    since timestamptz not null default now(),
    open_until timestamptz,
    consecutive_failures integer not null default 0,
    window_started_at timestamptz not null default now(),
    window_attempts integer not null default 0,
    window_failures integer not null default 0,
    failing_since timestamptz,
    undelivered_at timestamptz,
    paused_until timestamptz,
    tokens double precision,
    tokens_at timestamptz,
    places integer check (places > 0),
    failed_probes integer not null default 0,
    last_status integer,
    last_error text,
    -- by default immediately: a new endpoint's URL
    url_check_at timestamptz default now(),
    url_checked_at timestamptz,
    url_warning text,
    constraint webhook_circuits_open_until check (state <> 'open' or open_until is not null)
-- updated with every batch of results: leave room for updates in place
) with (fillfactor = 50);
create index if not exists idx_webhook_circuits_url_check_at
    on public.webhook_circuits (url_check_at) where url_check_at is not null;
-- what holds deliveries back for a time (webhooks.due_in_seconds). These change with few results, so that most updates
-- stay in place.
create index if not exists idx_webhook_circuits_open_until
    on public.webhook_circuits (open_until) where open_until is not null;
create index if not exists idx_webhook_circuits_paused_until
    on public.webhook_circuits (paused_until) where paused_until is not null;
create index if not exists idx_webhook_circuits_tokens_at
    on public.webhook_circuits (tokens_at) where tokens_at is not null;
comment on table public.webhook_circuits is 'The health of each endpoint: whether its circuit lets deliveries through, and if not, why.';
comment on column public.webhook_circuits.webhook_config_id is 'The endpoint.';
comment on column public.webhook_circuits.state is 'closed: deliveries go out. open: they wait. half_open: one request tests whether the endpoint has recovered.';
comment on column public.webhook_circuits.since is 'When this state began.';
comment on column public.webhook_circuits.open_until is 'When an open circuit lets one request through.';
comment on column public.webhook_circuits.consecutive_failures is 'Failures since the endpoint last responded.';
comment on column public.webhook_circuits.window_started_at is 'Start of the window that the failure rate is measured in.';
comment on column public.webhook_circuits.window_attempts is 'Attempts in the window.';
comment on column public.webhook_circuits.window_failures is 'Failures in the window.';
comment on column public.webhook_circuits.failing_since is 'The first undelivered attempt after the last delivered one.';
comment on column public.webhook_circuits.undelivered_at is 'The last undelivered attempt. After two days without attempts, failing_since starts over: silence is not a failure.';
comment on column public.webhook_circuits.paused_until is 'The endpoint asked to wait (Retry-After) until then.';
comment on column public.webhook_circuits.tokens is 'Deliveries that the rate limit allowed at tokens_at; empty: as many as in one second.';
comment on column public.webhook_circuits.tokens_at is 'When the rate limit was last applied; empty: there is none.';
comment on column public.webhook_circuits.places is 'Concurrent deliveries while the endpoint ramps up after an open circuit or a pause; empty: no such limit.';
comment on column public.webhook_circuits.last_status is 'The HTTP status of the last undelivered attempt; empty without a response.';
comment on column public.webhook_circuits.last_error is 'Why the last undelivered attempt failed.';
comment on column public.webhook_circuits.failed_probes is 'Failed probes since the circuit opened: each doubles the wait for the next one.';
comment on column public.webhook_circuits.url_check_at is 'When a worker may check the endpoint''s URL, or check it again if the first worker has stopped; empty: it has been checked.';
comment on column public.webhook_circuits.url_checked_at is 'When a worker last checked the URL: it resolved the name, connected, and verified the certificate, and sent nothing.';
comment on column public.webhook_circuits.url_warning is 'The problem found, and how to fix it; empty: none. Deliveries are still sent. Cleared when the URL changes or a delivery succeeds.';
alter table public.webhook_circuits enable row level security;
revoke all on public.webhook_circuits from public, anon, authenticated, service_role;
grant select on public.webhook_circuits to authenticated, service_role;

-- schemas/listeners/listeners.sql
-- Who runs `webhooks listen` now. Each listener has a temporary endpoint, listen://..., whose deliveries it claims itself.
create table if not exists webhooks.listeners (
    webhook_config_id uuid primary key,
    owner text not null,
    expires_at timestamptz not null,
    constraint listeners_webhook_config_id_fkey
        foreign key (webhook_config_id) references public.webhook_configurations (id) on delete cascade
        -- written before the endpoint's row, whose trigger looks for it
        deferrable initially deferred
);
comment on table webhooks.listeners is 'The listeners that run now, one for each endpoint whose URL begins with listen://.';
comment on column webhooks.listeners.owner is 'Who may claim for it: user: and a user''s id, or a server''s role.';
comment on column webhooks.listeners.expires_at is 'Each call of the listener moves it out. After it, the endpoint is deleted with its deliveries.';
alter table webhooks.listeners enable row level security;
revoke all on webhooks.listeners from public, anon, authenticated, service_role;

-- schemas/deliveries/webhook_deliveries.sql
-- Deliveries: one row for each event and endpoint. This is what callers insert into and what people search; what
-- changes with every attempt is in webhooks.delivery_queue. No index here holds a column that an attempt changes, so
-- that recording a result rewrites the row in its page (HOT) and touches no index.
create table if not exists public.webhook_deliveries (
    id uuid primary key default gen_random_uuid(),
    webhook_config_id uuid not null references public.webhook_configurations (id) on delete cascade,
    event_type text not null,
    payload jsonb not null,
    status text not null default 'pending',
    attempts integer not null default 0,
    last_attempt_at timestamptz,
    response_status integer,
    response_body text,
    error_message text,
    created_at timestamptz not null default now(),
    request_id uuid,
    next_attempt_at timestamptz not null default now(),
    finished_at timestamptz,
    traceparent text,
    actor_id text,
    tenant_id text,
    counted_attempts integer not null default 0,
    deferred_since timestamptz,
    erased_at timestamptz,
    constraint webhook_deliveries_status_check check (status in ('pending', 'processing', 'delivered', 'failed'))
-- leave room for a row's later versions in its page; a queue turns over fast: vacuum after 1 % of change, not 20 %
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);

create index if not exists idx_webhook_deliveries_newest on public.webhook_deliveries (created_at desc, id desc);
create index if not exists idx_webhook_deliveries_of_endpoint
    on public.webhook_deliveries (webhook_config_id, created_at desc, id desc);
create index if not exists idx_webhook_deliveries_of_tenant
    on public.webhook_deliveries (tenant_id, created_at desc, id desc) where tenant_id is not null;
create index if not exists idx_webhook_deliveries_request_id on public.webhook_deliveries (request_id);

comment on table public.webhook_deliveries is 'One row for each event and endpoint: pending, processing (leased by a worker), delivered or failed.';
comment on column public.webhook_deliveries.id is 'Sent as the webhook-id header, the same on every attempt.';
comment on column public.webhook_deliveries.webhook_config_id is 'The endpoint.';
comment on column public.webhook_deliveries.payload is 'The body that is sent, as compact JSON.';
comment on column public.webhook_deliveries.status is 'pending -> processing -> delivered, or back to pending for a retry, else failed. Set failed or delivered to pending to retry it.';
comment on column public.webhook_deliveries.attempts is 'Attempts recorded so far.';
comment on column public.webhook_deliveries.response_status is 'HTTP status of the last attempt.';
comment on column public.webhook_deliveries.response_body is 'The first 1,000 characters of the last response; for a queue, the broker''s acknowledgment.';
comment on column public.webhook_deliveries.error_message is 'Why the last attempt failed; empty once delivered.';
comment on column public.webhook_deliveries.request_id is 'The event: the same for every endpoint that receives it. What dispatch_webhook returned.';
comment on column public.webhook_deliveries.next_attempt_at is 'When a pending row is due.';
comment on column public.webhook_deliveries.finished_at is 'When the row became delivered or failed.';
comment on column public.webhook_deliveries.traceparent is 'The traceparent header of the request that dispatched the event; empty without one.';
comment on column public.webhook_deliveries.actor_id is 'Who caused the event, as in the JWT, including ids of third-party auth, which are not uuids.';
comment on column public.webhook_deliveries.tenant_id is 'The customer of the app that the event belongs to; empty: the app itself.';
comment on column public.webhook_deliveries.counted_attempts is 'Attempts that count against the limit: not a response that asked to wait, nor a problem of the worker''s setup.';
comment on column public.webhook_deliveries.deferred_since is 'When a response first asked to wait.';
comment on column public.webhook_deliveries.erased_at is 'When payload and response were erased for privacy.';

create or replace trigger complete_webhook_delivery
    before insert on public.webhook_deliveries
    for each row when (current_setting('webhooks.emitting', true) is distinct from 'on')
    execute function webhooks.complete_delivery();
create or replace trigger note_webhook_traceparent
    before insert on public.webhook_deliveries
    -- the condition costs less than a call: most deliveries are created outside of any trace
    for each row when (new.traceparent is null and current_setting('request.headers', true) ilike '%traceparent%')
    execute function webhooks.note_traceparent();
create or replace trigger queue_webhook_deliveries
    after insert on public.webhook_deliveries referencing new table as new_rows
    for each statement execute function webhooks.queue_deliveries();
create or replace trigger follow_webhook_delivery
    before update of status, next_attempt_at, created_at on public.webhook_deliveries
    -- for changes by a person or another program; recording results updates the queue itself
    for each row when (
        current_setting('webhooks.recording', true) is distinct from 'on' and (
            (new.status <> old.status and (new.status in ('delivered', 'failed') or old.status in ('delivered', 'failed')))
            or (new.status = 'pending' and old.status = 'pending' and new.next_attempt_at <> old.next_attempt_at)
            or new.created_at <> old.created_at))
    execute function webhooks.follow_delivery();
create or replace trigger forget_webhook_deliveries
    after delete on public.webhook_deliveries referencing old table as old_rows
    for each statement execute function webhooks.forget_deliveries();
create or replace trigger truncate_webhook_deliveries
    after truncate on public.webhook_deliveries
    for each statement execute function webhooks.forget_deliveries();

alter table public.webhook_deliveries enable row level security;
-- The condition on the time is true for admins and customers, and void for any other user, of whose query Postgres then
-- reads no row where it looks into an index by time. Each side of the "or" is a condition on an index. By endpoint: a tenant's event goes to the app's own
-- endpoints too, whose responses are not the tenant's.
revoke all on public.webhook_deliveries from public, anon, authenticated, service_role;
grant select on public.webhook_deliveries to authenticated;
grant select, insert, update, delete on public.webhook_deliveries to service_role;

-- schemas/deliveries/webhook_attempts.sql
-- The attempt log. No foreign key: a trigger deletes the attempts of a deleted delivery, which costs nothing when an
-- attempt is recorded, and works where deliveries lie in partitions.
create table if not exists public.webhook_attempts (
    delivery_id uuid not null,
    number integer not null check (number > 0),
    started_at timestamptz not null,
    duration_ms integer not null check (duration_ms >= 0),
    delivered boolean not null,
    response_status integer,
    response_headers jsonb,
    response_excerpt text,
    error text,
    counted boolean not null default true,
    primary key (delivery_id, number)
);
-- latencies of the last hour, whatever the log holds; a new row comes last, which costs next to nothing
create index if not exists idx_webhook_attempts_started_at on public.webhook_attempts (started_at);

comment on table public.webhook_attempts is 'The attempt log: one row for each attempt at a delivery.';
comment on column public.webhook_attempts.delivery_id is 'The delivery.';
comment on column public.webhook_attempts.delivered is 'Whether the receiver accepted the delivery.';
comment on column public.webhook_attempts.response_status is 'HTTP status of the response; empty without one.';
comment on column public.webhook_attempts.number is '1 for the first attempt.';
comment on column public.webhook_attempts.duration_ms is 'From connecting to the last byte of the response, in milliseconds.';
comment on column public.webhook_attempts.response_headers is 'The response''s first headers, at most 4 KB of them; values that may be secret are "hidden".';
comment on column public.webhook_attempts.response_excerpt is 'The response''s first 1,000 characters; for a queue, the broker''s acknowledgment: the message id, or partition and offset.';
comment on column public.webhook_attempts.error is 'Why the attempt failed; empty when it delivered.';
comment on column public.webhook_attempts.counted is 'Whether it counts against the limit: not a response that asked to wait, nor a problem of the worker''s setup.';

alter table public.webhook_attempts enable row level security;
-- A range, as of the deliveries; within it, asked for each row: a query that names its delivery, as it should, reads few.
revoke all on public.webhook_attempts from public, anon, authenticated, service_role;
grant select on public.webhook_attempts to authenticated;
grant select, insert, update, delete on public.webhook_attempts to service_role;

-- schemas/deliveries/delivery_queue.sql
-- What is not finished: a small row for each pending or processing delivery. All that claims read, and all that an
-- attempt changes besides its result.
create table if not exists webhooks.delivery_queue (
    delivery_id uuid primary key,
    webhook_config_id uuid not null,
    created_at timestamptz not null,
    due_at timestamptz not null,
    ready boolean not null,
    lease_id uuid,
    leased_at timestamptz,
    leased_by text,
    constraint delivery_queue_lease check (lease_id is null or not ready),
    constraint delivery_queue_leased_at check ((lease_id is null) = (leased_at is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);

-- what claims take: by endpoint, the oldest first. Endpoints that have nothing due are not in it.
create index if not exists idx_delivery_queue_ready on webhooks.delivery_queue (webhook_config_id, due_at) where ready;
-- what becomes due: retries, and leases that expire
create index if not exists idx_delivery_queue_later on webhooks.delivery_queue (due_at) where not ready;
create index if not exists idx_delivery_queue_under_way
    on webhooks.delivery_queue (webhook_config_id, leased_at) where lease_id is not null;
create index if not exists idx_delivery_queue_retries
    on webhooks.delivery_queue (webhook_config_id) where not ready and lease_id is null;

comment on table webhooks.delivery_queue is 'One row for each delivery that is not finished.';
comment on column webhooks.delivery_queue.created_at is 'As in webhook_deliveries: identifies the partition.';
comment on column webhooks.delivery_queue.due_at is 'When it may be claimed: the time of a retry, or when the lease of a leased row expires.';
comment on column webhooks.delivery_queue.ready is 'Whether due_at has come. A claim makes rows ready that are due.';
comment on column webhooks.delivery_queue.lease_id is 'The claim that holds the row; empty: none.';
comment on column webhooks.delivery_queue.leased_by is 'The worker that last claimed it.';
alter table webhooks.delivery_queue enable row level security;
revoke all on webhooks.delivery_queue from public, anon, authenticated, service_role;

-- schemas/deliveries/failed_deliveries.sql
-- Failed deliveries are few, and looked for often. As an index on webhook_deliveries they would cost every delivery.
create table if not exists webhooks.failed_deliveries (
    delivery_id uuid primary key,
    webhook_config_id uuid not null,
    created_at timestamptz not null
);
create index if not exists idx_failed_deliveries_newest on webhooks.failed_deliveries (created_at desc, delivery_id desc);
create index if not exists idx_failed_deliveries_of_endpoint
    on webhooks.failed_deliveries (webhook_config_id, created_at desc, delivery_id desc);
comment on table webhooks.failed_deliveries is 'The deliveries whose status is failed.';
comment on column webhooks.failed_deliveries.created_at is 'As in webhook_deliveries.';
alter table webhooks.failed_deliveries enable row level security;
revoke all on webhooks.failed_deliveries from public, anon, authenticated, service_role;

-- schemas/deliveries/delivery_rollups.sql
-- Figures by the hour, so that charts and percentiles need not scan the attempts.
create table if not exists webhooks.delivery_rollups (
    hour timestamptz not null check (hour = date_trunc('hour', hour, 'UTC')),
    webhook_config_id uuid not null,
    event_type text not null,
    attempts integer not null default 0,
    failed_attempts integer not null default 0,
    durations integer[] not null default '{}',
    primary key (hour, webhook_config_id, event_type)
) with (fillfactor = 50);
create index if not exists idx_delivery_rollups_of_endpoint on webhooks.delivery_rollups (webhook_config_id, hour desc);
comment on table webhooks.delivery_rollups is 'Deliveries and attempts per hour, endpoint and event type.';
comment on column webhooks.delivery_rollups.hour is 'The hour''s beginning, in UTC, of when the attempts ended.';
comment on column webhooks.delivery_rollups.durations is 'Attempts by duration: entry n counts those of 2^(n-1) ms up to 2^n ms.';
alter table webhooks.delivery_rollups enable row level security;
revoke all on webhooks.delivery_rollups from public, anon, authenticated, service_role;

-- schemas/deliveries/cursors.sql
create table if not exists webhooks.cursors (
    name text primary key,
    created_at timestamptz,
    id uuid
);
comment on table webhooks.cursors is 'The progress of batch jobs: creation time and id of the last delivery they processed.';
alter table webhooks.cursors enable row level security;
revoke all on webhooks.cursors from public, anon, authenticated, service_role;

-- schemas/deliveries/wake_ups.sql
-- Workers that listen (WEBHOOKS_DATABASE_URL) are notified of new deliveries at once instead of with the next sweep. A
-- commit that notifies waits for all others that do, database-wide. So a worker that looks again within milliseconds
-- anyway says so with its claim, and until then no one notifies; if no worker listens, there is one notification a second.
-- Unlogged: it changes with each claim, and what it says is soon past.
create unlogged sequence if not exists webhooks.wake_ups minvalue -9223372036854775807;
comment on sequence webhooks.wake_ups is 'Until when no notification is needed, in milliseconds since 1970: above 0, a worker that listens looks again then; below 0, no worker listens. A sequence, since it is read and written outside of transactions.';
revoke all on sequence webhooks.wake_ups from public, anon, authenticated, service_role;

-- schemas/triggers/webhook_triggers.sql
-- What the database emits by itself: the triggers that turn a table's changes into events, the errors inside them,
-- and which change an idempotency key belongs to.

create table if not exists public.webhook_triggers (
    source regclass not null,
    trigger_name name not null,
    event_type text not null references public.webhook_event_types (name) on update cascade,
    operation text not null check (operation in ('insert', 'update', 'delete')),
    data jsonb not null,
    actor text,
    condition text,
    identity text[] not null,
    query text not null,
    attached_at timestamptz not null default now(),
    tenant text,
    on_unchanged boolean not null default false,
    enabled boolean not null default true,
    primary key (source, trigger_name),
    unique (source, event_type, operation)
);
create index if not exists idx_webhook_triggers_event_type on public.webhook_triggers (event_type);
comment on table public.webhook_triggers is 'Which changes of which tables are events. Written only by webhook_attach and webhook_detach.';
comment on column public.webhook_triggers.attached_at is 'When the table was attached.';
comment on column public.webhook_triggers.source is 'The table.';
comment on column public.webhook_triggers.trigger_name is 'The trigger on it.';
comment on column public.webhook_triggers.event_type is 'What is emitted, for each changed row.';
comment on column public.webhook_triggers.operation is 'The change: insert, update or delete.';
comment on column public.webhook_triggers.data is 'Where each key of the event''s data comes from, as given to webhook_attach.';
comment on column public.webhook_triggers.actor is 'The column or SQL that names the user who did it; empty: no user.';
comment on column public.webhook_triggers.condition is 'The SQL that a changed row must satisfy; empty: every row.';
comment on column public.webhook_triggers.identity is 'The keys of data that identify a change (and @actor). They match a later dispatch_webhook for the same change.';
comment on column public.webhook_triggers.query is 'The SQL that the trigger runs over a statement''s changed rows.';
comment on column public.webhook_triggers.tenant is 'The column or SQL that names the tenant; empty: the app itself.';
comment on column public.webhook_triggers.on_unchanged is 'For updates: whether those that change no attached column are events too.';
comment on column public.webhook_triggers.enabled is 'false: the trigger emits nothing. For tables whose trigger the caller cannot drop.';
alter table public.webhook_triggers enable row level security;
-- query runs as the owner of webhooks.on_change, so that not even service_role may write it
revoke all on public.webhook_triggers from public, anon, authenticated, service_role;
grant select on public.webhook_triggers to authenticated, service_role;

-- schemas/triggers/webhook_trigger_errors.sql
create table if not exists public.webhook_trigger_errors (
    id uuid primary key default gen_random_uuid(),
    occurred_at timestamptz not null default clock_timestamp(),
    source text not null,
    event_type text,
    operation text,
    events integer,
    code text not null,
    message text not null,
    context text,
    data jsonb,
    resolved_at timestamptz
);
create index if not exists idx_webhook_trigger_errors_occurred_at on public.webhook_trigger_errors (occurred_at desc);
comment on table public.webhook_trigger_errors is 'Events that could not be emitted for a table''s change. The change itself was saved.';
comment on column public.webhook_trigger_errors.occurred_at is 'When it went wrong.';
comment on column public.webhook_trigger_errors.source is 'The table that changed.';
comment on column public.webhook_trigger_errors.event_type is 'The event that should have been emitted; empty if it is unknown.';
comment on column public.webhook_trigger_errors.operation is 'The change: insert, update or delete.';
comment on column public.webhook_trigger_errors.events is 'How many events were lost; empty: unknown.';
comment on column public.webhook_trigger_errors.code is 'SQLSTATE of the error.';
comment on column public.webhook_trigger_errors.message is 'What went wrong.';
comment on column public.webhook_trigger_errors.context is 'Where it happened: the PL/pgSQL context.';
comment on column public.webhook_trigger_errors.data is 'What is needed to emit the events again, a list: {"data", "actor", "tenant"} of an event; {"new", "old", "user"} of a row whose event could not be built; {"key"} or {"row"}, by which it is read again. Empty if it could not be kept.';
comment on column public.webhook_trigger_errors.resolved_at is 'When the events were finally emitted.';
alter table public.webhook_trigger_errors enable row level security;
revoke all on public.webhook_trigger_errors from public, anon, authenticated, service_role;
grant select on public.webhook_trigger_errors to authenticated;
grant select, delete on public.webhook_trigger_errors to service_role;

-- schemas/alerts/webhook_alerts.sql
-- Alerts: conditions that people must know of, from start to end. Each is sent once when it starts and once when it
-- ends: to Slack and by e-mail through the workers (or the gateway), and to endpoints as the event webhook.alert.

create table if not exists public.webhook_alerts (
    id uuid primary key default gen_random_uuid(),
    kind text not null check (kind in ('failure_rate', 'overdue', 'endpoint_failing', 'dispatcher_silent', 'endpoint_disabled')),
    severity text not null check (severity in ('warning', 'critical')),
    subject text not null default '',
    webhook_config_id uuid references public.webhook_configurations (id) on delete set null,
    summary text not null,
    details jsonb not null default '{}',
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint webhook_alerts_ends_after_start check (ended_at >= started_at)
);
create unique index if not exists idx_webhook_alerts_active on public.webhook_alerts (kind, subject) where ended_at is null;
create index if not exists idx_webhook_alerts_started_at on public.webhook_alerts (started_at desc);
create index if not exists idx_webhook_alerts_ended_at on public.webhook_alerts (ended_at) where ended_at is not null;
create index if not exists idx_webhook_alerts_webhook_config_id on public.webhook_alerts (webhook_config_id);
comment on table public.webhook_alerts is 'Alerts, from start to end; kept for 90 days after they end.';
comment on column public.webhook_alerts.kind is 'failure_rate, overdue, endpoint_failing, dispatcher_silent or endpoint_disabled.';
comment on column public.webhook_alerts.severity is 'critical: nothing is delivered, or soon nothing will be. warning: some deliveries suffer.';
comment on column public.webhook_alerts.subject is 'What it is about: an endpoint''s id, or empty. At most one alert of each kind and subject is active.';
comment on column public.webhook_alerts.webhook_config_id is 'The endpoint that it is about, if any, while it exists.';
comment on column public.webhook_alerts.summary is 'One sentence, as it was sent at the start.';
comment on column public.webhook_alerts.details is 'The figures behind it.';
comment on column public.webhook_alerts.ended_at is 'Empty while it is active.';
alter table public.webhook_alerts enable row level security;
revoke all on public.webhook_alerts from public, anon, authenticated, service_role;
grant select on public.webhook_alerts to authenticated, service_role;

-- schemas/alerts/webhook_alert_notices.sql
create table if not exists public.webhook_alert_notices (
    alert_id uuid not null references public.webhook_alerts (id) on delete cascade,
    moment text not null check (moment in ('started', 'ended')),
    channel text not null check (channel in ('slack', 'email')),
    created_at timestamptz not null default now(),
    next_try_at timestamptz not null default now(),
    tries integer not null default 0,
    sent_at timestamptz,
    error text,
    primary key (alert_id, moment, channel)
);
create index if not exists idx_webhook_alert_notices_due
    on public.webhook_alert_notices (next_try_at) where sent_at is null;
comment on table public.webhook_alert_notices is 'Notices of alerts: one row for the start and one for the end, per channel.';
comment on column public.webhook_alert_notices.alert_id is 'The alert.';
comment on column public.webhook_alert_notices.moment is 'started or ended: which of the two the notice announces.';
comment on column public.webhook_alert_notices.channel is 'slack or email.';
comment on column public.webhook_alert_notices.sent_at is 'When the channel accepted it; empty: not yet.';
comment on column public.webhook_alert_notices.next_try_at is 'When it is retried; while a process is sending it, when another process may.';
comment on column public.webhook_alert_notices.tries is 'Attempts so far, at most ten.';
comment on column public.webhook_alert_notices.error is 'Why the last attempt failed.';
alter table public.webhook_alert_notices enable row level security;
revoke all on public.webhook_alert_notices from public, anon, authenticated, service_role;
grant select on public.webhook_alert_notices to authenticated, service_role;

-- schemas/admin/webhook_admin_actions.sql
create table if not exists public.webhook_admin_actions (
    id uuid primary key default gen_random_uuid(),
    acted_at timestamptz not null default clock_timestamp(),
    actor_id text,
    actor text not null,
    action text not null,
    webhook_config_id uuid,
    delivery_id uuid,
    details jsonb not null default '{}',
    tenant_id text
);
create index if not exists idx_webhook_admin_actions_acted_at on public.webhook_admin_actions (acted_at desc);
create index if not exists idx_webhook_admin_actions_delivery_id
    on public.webhook_admin_actions (delivery_id) where delivery_id is not null;
-- what servers dispatch is deleted with its deliveries
create index if not exists idx_webhook_admin_actions_dispatched
    on public.webhook_admin_actions (acted_at) where action = 'dispatch' and actor_id is null;
comment on table public.webhook_admin_actions is 'A log of what admins did: endpoints created and changed, secrets rotated, deliveries retried and replayed, tests sent, API tokens created and revoked. It is kept when endpoints and deliveries are deleted.';
comment on column public.webhook_admin_actions.acted_at is 'When it was done.';
comment on column public.webhook_admin_actions.actor_id is 'The user; empty for a server and an API token.';
comment on column public.webhook_admin_actions.actor is 'The user''s e-mail address, the name and prefix of an API token, or the database role of a server.';
comment on column public.webhook_admin_actions.action is 'For example rotate_secret or retry.';
comment on column public.webhook_admin_actions.webhook_config_id is 'The endpoint concerned, if any.';
comment on column public.webhook_admin_actions.delivery_id is 'The delivery concerned, if any.';
comment on column public.webhook_admin_actions.tenant_id is 'The tenant whose endpoint it was; empty: the app itself.';
comment on column public.webhook_admin_actions.details is 'The request''s arguments, without secrets and header values.';
alter table public.webhook_admin_actions enable row level security;
revoke all on public.webhook_admin_actions from public, anon, authenticated, service_role;
grant select on public.webhook_admin_actions to authenticated, service_role;

-- schemas/admin/admin_writes.sql
-- Writes of the admin API: done once per idempotency key, however often they are requested.

create table if not exists webhooks.admin_writes (
    scope text not null,
    key text not null check (length(key) between 1 and 255),
    request jsonb not null,
    answer jsonb,
    created_at timestamptz not null default now(),
    primary key (scope, key)
);
create index if not exists idx_admin_writes_created_at on webhooks.admin_writes (created_at);
comment on table webhooks.admin_writes is 'The results of writes with an Idempotency-Key, kept for a day, without secrets.';
comment on column webhooks.admin_writes.scope is 'The owner of the key: a user''s id, an API token''s, or a server''s role.';
comment on column webhooks.admin_writes.request is 'A digest of the request, to distinguish a repetition from another request with the same key.';
alter table webhooks.admin_writes enable row level security;
revoke all on webhooks.admin_writes from public, anon, authenticated, service_role;

-- schemas/tokens/api_tokens.sql
-- API tokens: what opens the gateway's API for servers, CI and scripts. Only their hashes are kept.

create table if not exists webhooks.api_tokens (
    id uuid primary key default gen_random_uuid(),
    name text not null check (length(btrim(name)) between 1 and 100 and name !~ '[[:cntrl:]]'),
    prefix text not null check (prefix ~ '^whk_[0-9a-f]{8}$'),
    -- SHA-256 without salt or rounds: a token has 256 random bits, so that no one can try out what it might be
    hash text not null unique check (hash ~ '^[0-9a-f]{64}$'),
    scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ '{read,manage,dispatch}'),
    created_by text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
comment on table webhooks.api_tokens is 'API tokens of the gateway. A token itself is returned once, when it is created, and not stored.';
comment on column webhooks.api_tokens.prefix is 'The first characters of the token, to tell it apart in lists and in the log of actions.';
comment on column webhooks.api_tokens.hash is 'SHA-256 of the token, in hexadecimal.';
comment on column webhooks.api_tokens.scopes is 'read: all that can be read; manage: also endpoints, secrets, retries and tests; dispatch: events, and nothing else.';
comment on column webhooks.api_tokens.created_by is 'The admin''s e-mail address, or the database role of a server.';
comment on column webhooks.api_tokens.last_used_at is 'When it was last accepted, to the minute.';
alter table webhooks.api_tokens enable row level security;
revoke all on webhooks.api_tokens from public, anon, authenticated, service_role;

-- schemas/reports/webhook_dispatcher_runs.sql
create table if not exists public.webhook_dispatcher_runs (
    id uuid primary key default gen_random_uuid(),
    source text not null,
    due integer not null default 0,
    enqueued integer,
    error text,
    started_at timestamptz not null default now(),
    finished_at timestamptz
);
create index if not exists idx_webhook_dispatcher_runs_started_at
    on public.webhook_dispatcher_runs (started_at desc);
comment on table public.webhook_dispatcher_runs is 'The cron''s heartbeat: one row for each call of webhook-dispatcher.';
comment on column public.webhook_dispatcher_runs.source is 'Who called, from its User-Agent.';
comment on column public.webhook_dispatcher_runs.due is 'Deliveries that were due.';
comment on column public.webhook_dispatcher_runs.enqueued is 'Jobs given to the workers; each drains many deliveries. 0 where the call itself delivered.';
comment on column public.webhook_dispatcher_runs.error is 'What went wrong, for example that Redis was unavailable.';
alter table public.webhook_dispatcher_runs enable row level security;
revoke all on public.webhook_dispatcher_runs from public, anon, authenticated, service_role;
grant select on public.webhook_dispatcher_runs to authenticated;
grant select, insert, update, delete on public.webhook_dispatcher_runs to service_role;

-- schemas/circuits/ready_endpoints.sql
create or replace view webhooks.ready_endpoints as
select c.id,
       coalesce(h.state, 'closed') as state,
       (coalesce(h.state, 'closed') <> 'closed' or h.places is not null
           or c.rate_limit_per_second is not null or c.max_concurrency is not null) as limited,
       -- in flight at most; null: no limit
       case when h.state <> 'closed' then 1 else least(c.max_concurrency, h.places) end as places,
       -- deliveries claimed before the circuit opened do not count: the probe need not wait for them
       case when h.state <> 'closed' then h.since else '-infinity' end as places_since,
       -- a bucket of one second's tokens; null: no limit
       least(c.rate_limit_per_second::double precision, coalesce(
           h.tokens + c.rate_limit_per_second * greatest(0, extract(epoch from now() - h.tokens_at)),
           c.rate_limit_per_second)) as tokens,
       c.timeout_seconds
from public.webhook_configurations as c
-- a row loaded without triggers has no circuit yet
left join public.webhook_circuits as h on h.webhook_config_id = c.id
-- "is not false", so that the planner does not use the index of active endpoints to find one by its id
where c.is_active is not false
  -- `webhooks listen` claims its own
  and c.url not like 'listen:%'
  and (h.paused_until is null or h.paused_until <= now())
  and (h.state is null or h.state <> 'open' or h.open_until <= now());
comment on view webhooks.ready_endpoints is 'The endpoints that deliveries may go to now, with their limits.';
revoke all on webhooks.ready_endpoints from public, anon, authenticated, service_role;

-- schemas/admin/actor.sql
create or replace function webhooks.actor()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        webhooks.user_claims() ->> 'email',
        webhooks.user_sub(),
        -- for whom the gateway writes, by webhook_admin_write; after those above: a signed-in user never passes for a token
        (select format('%s (%s)', t.name, t.prefix) from webhooks.api_tokens as t
         where t.id::text = current_setting('webhooks.api_token', true)),
        webhooks.caller())
$$;
comment on function webhooks.actor() is 'Who acts, for the log of actions: a user''s e-mail address or id, an API token''s name and prefix, or a server''s role.';
revoke all on function webhooks.actor() from public, anon, authenticated, service_role;

-- schemas/admin/admin_write.sql
create or replace function webhooks.admin_write(action text, arguments jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    case action
        when 'create_endpoint' then
            return webhooks.create_webhook_endpoint(arguments -> 'settings');
        when 'update_endpoint' then
            return webhooks.update_webhook_endpoint((arguments ->> 'webhook_config_id')::uuid, arguments -> 'changes');
        when 'delete_endpoint' then
            return webhooks.delete_webhook_endpoint(
                (arguments ->> 'webhook_config_id')::uuid,
                coalesce((arguments ->> 'keep_history')::boolean, true));
        when 'rotate_secret' then
            return webhooks.rotate_webhook_secret(
                (arguments ->> 'webhook_config_id')::uuid,
                make_interval(secs => coalesce((arguments ->> 'overlap_seconds')::double precision, 86400)));
        when 'send_test' then
            return webhooks.send_test_webhook((arguments ->> 'webhook_config_id')::uuid, arguments ->> 'event_type');
        when 'end_secret_overlap' then
            return webhooks.end_webhook_secret_overlap((arguments ->> 'webhook_config_id')::uuid);
        when 'retry_many' then
            return webhooks.retry_webhook_deliveries(
                case when arguments ? 'delivery_ids' then
                    array(select i::uuid from jsonb_array_elements_text(arguments -> 'delivery_ids') as i) end,
                (arguments ->> 'webhook_config_id')::uuid,
                coalesce((arguments ->> 'at_most')::integer, 1000));
        when 'skip_many' then
            return webhooks.skip_webhook_deliveries(
                array(select i::uuid from jsonb_array_elements_text(arguments -> 'delivery_ids') as i));
        when 'retry_trigger_errors' then
            return webhooks.retry_webhook_trigger_errors(
                case when jsonb_typeof(arguments -> 'ids') = 'array' then
                    array(select i::uuid from jsonb_array_elements_text(arguments -> 'ids') as i) end);
        when 'retry' then
            return webhooks.retry_webhook_delivery((arguments ->> 'delivery_id')::uuid);
        when 'replay' then
            return webhooks.replay_webhook_deliveries(
                (arguments ->> 'webhook_config_id')::uuid,
                (arguments ->> 'created_from')::timestamptz,
                (arguments ->> 'created_until')::timestamptz,
                arguments ->> 'event_type',
                coalesce(arguments ->> 'status', 'failed'),
                coalesce((arguments ->> 'dry_run')::boolean, true),
                coalesce((arguments ->> 'at_most')::integer, 1000),
                (arguments ->> 'after_created_at')::timestamptz,
                (arguments ->> 'after_id')::uuid);
        when 'dispatch' then
            perform webhooks.log_action('dispatch', null, null, jsonb_build_object('event_type', arguments ->> 'event_type'));
            if webhooks.user_sub() is null and webhooks.caller() <> 'authenticated' then
                return webhooks.emit(
                    arguments ->> 'event_type', arguments -> 'event_data', (arguments ->> 'actor_user_id')::uuid, null,
                    'admin', null, arguments ->> 'tenant_id');
            end if;
            if arguments ->> 'actor_user_id' is not null
                and (arguments ->> 'actor_user_id')::uuid is distinct from webhooks.user_id()
                or arguments ->> 'tenant_id' is not null then
                raise exception 'only servers and API tokens can name another actor or a tenant'
                    using errcode = '42501', hint = 'Leave both out: you are the actor.';
            end if;
            return webhooks.emit(arguments ->> 'event_type', arguments -> 'event_data', webhooks.user_id(), null, 'admin');
        when 'create_token' then
            return webhooks.create_webhook_api_token(
                arguments ->> 'name',
                array(select jsonb_array_elements_text(arguments -> 'scopes')),
                (arguments ->> 'expires_after')::interval);
        when 'revoke_token' then
            return webhooks.revoke_webhook_api_token((arguments ->> 'token_id')::uuid);
        else
            raise exception 'unknown admin action %', action using errcode = '22023';
    end case;
end $$;
comment on function webhooks.admin_write(text, jsonb) is 'Does one write of the admin API.';
revoke all on function webhooks.admin_write(text, jsonb) from public, anon, authenticated, service_role;

-- schemas/admin/log_action.sql
create or replace function webhooks.log_action(
    action text,
    webhook_config_id uuid default null,
    delivery_id uuid default null,
    details jsonb default '{}'
)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_admin_actions (actor_id, actor, action, webhook_config_id, delivery_id, details, tenant_id)
    values (webhooks.user_sub(), webhooks.actor(), log_action.action,
            log_action.webhook_config_id, log_action.delivery_id, log_action.details,
            (select c.tenant_id from public.webhook_configurations as c where c.id = log_action.webhook_config_id))
$$;
comment on function webhooks.log_action(text, uuid, uuid, jsonb) is 'Writes one row of public.webhook_admin_actions.';
revoke all on function webhooks.log_action(text, uuid, uuid, jsonb) from public, anon, authenticated, service_role;

-- schemas/admin/webhook_admin_write.sql
create or replace function webhooks.webhook_admin_write(
    action text,
    arguments jsonb,
    idempotency_key text default null,
    api_token uuid default null
)
returns jsonb
language plpgsql
-- definer: behind public.webhook_admin_write, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _scope text := coalesce('user:' || webhooks.user_sub(), 'token:' || api_token, webhooks.caller());
    -- a digest: a header's value in the arguments must not be stored in a second table
    _request jsonb;
    _earlier webhooks.admin_writes;
    _answer jsonb;
begin
    -- for webhooks.actor()
    perform set_config('webhooks.api_token', coalesce(api_token::text, ''), true);
    if idempotency_key is null then
        return webhooks.admin_write(action, arguments);
    end if;
    perform webhooks.check_payload_size(arguments);
    _request := jsonb_build_object('action', action, 'digest', encode(sha256(convert_to(arguments::text, 'UTF8')), 'hex'));
    if length(idempotency_key) not between 1 and 255 then
        raise exception 'an idempotency key has 1 to 255 characters' using errcode = '22023';
    end if;
    delete from webhooks.admin_writes as w where w.created_at < now() - interval '24 hours';
    insert into webhooks.admin_writes (scope, key, request)
    values (_scope, idempotency_key, _request)
    on conflict do nothing;
    if not found then
        select w.* into _earlier from webhooks.admin_writes as w where w.scope = _scope and w.key = idempotency_key;
        if _earlier.request <> _request then
            raise exception 'this idempotency key was used for another request'
                using errcode = 'PT422', hint = 'Use a new key for each request; repeat it only to repeat the request.';
        end if;
        return _earlier.answer || '{"repeated": true}';
    end if;
    _answer := webhooks.admin_write(action, arguments);
    update webhooks.admin_writes as w
    set answer = _answer - 'secret_key' - 'token'
    where w.scope = _scope and w.key = idempotency_key;
    return _answer;
end $$;
comment on function webhooks.webhook_admin_write(text, jsonb, text, uuid) is 'Behind public.webhook_admin_write.';
revoke all on function webhooks.webhook_admin_write(text, jsonb, text, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_admin_write(text, jsonb, text, uuid) to authenticated, service_role;

-- schemas/alerts/alert_conditions.sql
create or replace function webhooks.alert_conditions(policy jsonb)
returns table (kind text, severity text, subject text, webhook_config_id uuid, summary text, details jsonb)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
    -- more of the last hour's finished deliveries failed than is allowed
    select 'failure_rate', 'warning', '', null::uuid,
           format('%s %% of the last hour''s %s finished deliveries failed', round(100.0 * f.failed / f.finished), f.finished),
           jsonb_build_object('failed', f.failed, 'finished', f.finished)
    from (
        select count(*) filter (where d.status = 'failed') as failed, count(*) as finished
        from public.webhook_deliveries as d
        where d.created_at > now() - interval '1 hour' and d.status in ('delivered', 'failed')
          and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
          and (policy ->> 'with_rate')::boolean
    ) as f
    where f.finished >= greatest(1, (policy ->> 'failure_minimum')::integer)
      and f.failed > f.finished * (policy ->> 'failure_rate')::numeric
    union all
    -- more deliveries are overdue than is allowed; counted up to 10,000
    select 'overdue', 'warning', '', null,
           format('%s%s deliveries are overdue by more than %s s', o.n, case when o.n = 10000 then ' or more' else '' end,
                  policy ->> 'overdue_seconds'),
           jsonb_build_object('overdue', o.n)
    from (
        select count(*) as n
        from (
            select
            from webhooks.endpoints_with_due() as e (id)
            -- deliveries that wait for an open circuit are covered by endpoint_failing
            cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id) as c
            cross join lateral (
                select
                from webhooks.delivery_queue as q
                where q.webhook_config_id = c.id and q.ready
                  and q.due_at < now() - make_interval(secs => (policy ->> 'overdue_seconds')::float8)
                limit 10000
            ) as late
            limit 10000
        ) as bounded
    ) as o
    where o.n > (policy ->> 'overdue')::integer
    union all
    -- It replaces an alert for the open circuit: one outage is one message, which ends when a delivery succeeds.
    select 'endpoint_failing', 'warning', c.id::text, c.id,
           format('Endpoint "%s" has failed since %s UTC. Last response: %s', c.name,
                  to_char(h.failing_since at time zone 'utc', 'YYYY-MM-DD HH24:MI'),
                  coalesce(left(h.last_error, 200), 'HTTP ' || h.last_status, 'none')),
           jsonb_build_object('endpoint', c.name, 'failing_since', h.failing_since, 'last_status', h.last_status,
                              'last_error', h.last_error, 'circuit', h.state, 'open_until', h.open_until)
    from public.webhook_circuits as h
    join public.webhook_configurations as c on c.id = h.webhook_config_id
    where (c.is_active or c.disabled_at is not null)
      and h.failing_since < now() - make_interval(secs => (policy ->> 'failing_seconds')::float8)
    union all
    -- a cron that never called is not silent: it was not set up (webhooks doctor says so)
    select 'dispatcher_silent', 'critical', '', null,
           format('The dispatcher was last called at %s UTC', to_char(r.started_at at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
           jsonb_build_object('last_run_at', r.started_at)
    from (select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1) as r
    where r.started_at < now() - make_interval(secs => (policy ->> 'silence_seconds')::float8)
    union all
    select 'endpoint_disabled', 'critical', c.id::text, c.id,
           format('Endpoint "%s" was disabled: %s', c.name, coalesce(c.disabled_reason, 'no reason given')),
           jsonb_build_object('endpoint', c.name, 'disabled_at', c.disabled_at, 'reason', c.disabled_reason)
    from public.webhook_configurations as c
    where not c.is_active and c.disabled_at is not null
$$;
comment on function webhooks.alert_conditions(jsonb) is 'The conditions that hold now and warrant an alert. policy: failure_rate, failure_minimum, with_rate, overdue, overdue_seconds, failing_seconds, silence_seconds.';
revoke all on function webhooks.alert_conditions(jsonb) from public, anon, authenticated, service_role;

-- schemas/alerts/emit_alerts.sql
create or replace function webhooks.emit_alerts(alert_ids uuid[], moment text)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id)
    select c.id, 'webhook.alert', jsonb_build_object(
               'event', 'webhook.alert',
               'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'actor_user_id', null,
               'data', jsonb_build_object(
                   'alert_id', a.id, 'status', moment, 'kind', a.kind, 'severity', a.severity, 'summary', a.summary,
                   'webhook_config_id', a.webhook_config_id, 'details', a.details,
                   'started_at', a.started_at, 'ended_at', a.ended_at),
               'request_id', a.request_id),
           a.request_id
    from (select w.*, gen_random_uuid() as request_id from public.webhook_alerts as w where w.id = any (alert_ids)) as a
    join public.webhook_configurations as c
        -- subscribed by name: a subscription to * covers the app's own events only
        on c.is_active and c.tenant_id is null and c.events && array['webhook.alert', 'webhook.*']
        -- the failing endpoint itself is not notified
        and c.id is distinct from a.webhook_config_id
    order by c.id
    -- waits for an endpoint's deletion, and then leaves that one out
    for key share of c
$$;
comment on function webhooks.emit_alerts(uuid[], text) is 'Sends webhook.alert to the endpoints that subscribe to it.';
revoke all on function webhooks.emit_alerts(uuid[], text) from public, anon, authenticated, service_role;

-- schemas/alerts/emit_endpoint_events.sql
create or replace function webhooks.emit_endpoint_events(alert_ids uuid[], moment text)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, tenant_id)
    select c.id, e.event, webhooks.payload(e.event, e.data, null, e.request_id), e.request_id, e.tenant_id
    from (
        select s.*, 'webhooks.' || case when moment = 'started' then s.kind else 'endpoint_recovered' end as event,
               gen_random_uuid() as request_id
        from (
            -- one that was failing and is disabled now ends both at once: it has recovered once
            select distinct on (o.id, case when moment = 'started' then a.kind end)
                   a.kind, o.tenant_id, jsonb_build_object(
                       'tenant_id', o.tenant_id, 'webhook_config_id', o.id, 'name', o.name, 'url', o.url,
                       'since', a.started_at, 'reason', a.summary) as data
            from public.webhook_alerts as a
            join public.webhook_configurations as o on o.id = a.webhook_config_id
            where a.id = any (alert_ids) and a.kind in ('endpoint_failing', 'endpoint_disabled') and o.tenant_id is not null
              -- not one that its owner paused or deleted meanwhile
              and (moment = 'started' or o.is_active)
            order by o.id, case when moment = 'started' then a.kind end, a.started_at
        ) as s
    ) as e
    join public.webhook_configurations as c
        -- subscribed by name, as to webhook.alert
        on c.is_active and c.tenant_id is null and c.events && array[e.event, 'webhooks.*']
    order by c.id
    -- waits for an endpoint's deletion, and then leaves that one out
    for key share of c
$$;
comment on function webhooks.emit_endpoint_events(uuid[], text) is 'Sends webhooks.endpoint_failing, _disabled and _recovered to the app''s own endpoints that subscribe to them: what it tells a tenant''s owner.';
revoke all on function webhooks.emit_endpoint_events(uuid[], text) from public, anon, authenticated, service_role;

-- schemas/alerts/evaluate_webhook_alerts.sql
create or replace function webhooks.evaluate_webhook_alerts(policy jsonb, lease_seconds double precision default 60)
returns jsonb
language plpgsql
-- definer: behind public.evaluate_webhook_alerts, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- failure rate above a half, a hundred overdue by a minute, a quarter of an hour of failures, five minutes of silence
    _policy constant jsonb := '{"failure_rate": 0.5, "failure_minimum": 10, "with_rate": true, "overdue": 100,
        "overdue_seconds": 60, "failing_seconds": 900, "silence_seconds": 300, "channels": {}}' || coalesce(policy, '{}');
    _started uuid[];
    _ended uuid[];
    _notices jsonb;
begin
    -- one at a time; a concurrent call has nothing to add
    if not pg_try_advisory_xact_lock(hashtextextended('webhooks.alerts', 0)) then
        return '[]';
    end if;

    with condition as materialized (
        select k.* from webhooks.alert_conditions(_policy) as k
    ),
    ended as (
        update public.webhook_alerts as a
        set ended_at = now()
        where a.ended_at is null
          and (a.kind <> 'failure_rate' or (_policy ->> 'with_rate')::boolean)
          and not exists (select from condition as k where k.kind = a.kind and k.subject = a.subject)
        returning a.id
    ),
    started as (
        insert into public.webhook_alerts (kind, severity, subject, webhook_config_id, summary, details)
        select k.kind, k.severity, k.subject, k.webhook_config_id, k.summary, k.details
        from condition as k
        on conflict (kind, subject) where ended_at is null do nothing
        returning id
    )
    select array(select s.id from started as s), array(select e.id from ended as e) into _started, _ended;
    perform webhooks.emit_alerts(_started, 'started');
    perform webhooks.emit_alerts(_ended, 'ended');
    perform webhooks.emit_endpoint_events(_started, 'started');
    perform webhooks.emit_endpoint_events(_ended, 'ended');

    -- policy.channels: kind -> the channels to notify. The caller may have none (a gateway without settings for
    -- alerts), so the first caller that has one sends the start; an end goes where its start went.
    insert into public.webhook_alert_notices (alert_id, moment, channel)
    select a.id, 'started', c.name
    from public.webhook_alerts as a
    cross join lateral jsonb_array_elements_text(_policy -> 'channels' -> a.kind) as c (name)
    where a.ended_at is null
      and not exists (select from public.webhook_alert_notices as n where n.alert_id = a.id)
    on conflict do nothing;
    insert into public.webhook_alert_notices (alert_id, moment, channel)
    select a.id, 'ended', n.channel
    from public.webhook_alerts as a
    join public.webhook_alert_notices as n on n.alert_id = a.id and n.moment = 'started'
    where a.id = any (_ended)
    on conflict do nothing;
    delete from public.webhook_alerts as a where a.ended_at < now() - interval '90 days';

    -- notices to send now; an end waits until its start was sent or given up
    with due as (
        select n.alert_id, n.moment, n.channel
        from public.webhook_alert_notices as n
        where n.sent_at is null and n.tries < 10 and n.next_try_at <= now()
          and exists (
              select
              from jsonb_each(_policy -> 'channels') as k (kind, names)
              where k.names ? n.channel)
          and not (n.moment = 'ended' and exists (
              select from public.webhook_alert_notices as s
              where s.alert_id = n.alert_id and s.channel = n.channel and s.moment = 'started'
                and s.sent_at is null and s.tries < 10))
        order by n.created_at
        limit 20
        for update skip locked
    ),
    leased as (
        update public.webhook_alert_notices as n
        set tries = n.tries + 1, next_try_at = now() + make_interval(secs => greatest(lease_seconds, 1))
        from due as d
        where n.alert_id = d.alert_id and n.moment = d.moment and n.channel = d.channel
        returning n.alert_id, n.moment, n.channel, n.created_at
    )
    select coalesce(jsonb_agg(jsonb_build_object(
        'alert_id', a.id, 'moment', l.moment, 'channel', l.channel, 'kind', a.kind, 'severity', a.severity,
        'summary', a.summary, 'started_at', a.started_at, 'ended_at', a.ended_at) order by l.created_at, l.moment desc), '[]')
    into _notices
    from leased as l
    join public.webhook_alerts as a on a.id = l.alert_id;
    return _notices;
end $$;
comment on function webhooks.evaluate_webhook_alerts(jsonb, double precision) is 'Behind public.evaluate_webhook_alerts.';
revoke all on function webhooks.evaluate_webhook_alerts(jsonb, double precision) from public, anon, authenticated, service_role;
grant execute on function webhooks.evaluate_webhook_alerts(jsonb, double precision) to service_role;

-- schemas/alerts/record_webhook_alert_notices.sql
create or replace function webhooks.record_webhook_alert_notices(results jsonb)
returns void
language sql
-- definer: behind public.record_webhook_alert_notices, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    update public.webhook_alert_notices as n
    set sent_at = case when r.error is null then now() end,
        error = left(r.error, 1000),
        -- 2^n seconds after try n, at most ten minutes
        next_try_at = now() + make_interval(secs => least(600, power(2, n.tries)))
    from jsonb_to_recordset(results) as r (alert_id uuid, moment text, channel text, error text)
    where n.alert_id = r.alert_id and n.moment = r.moment and n.channel = r.channel and n.sent_at is null
$$;
comment on function webhooks.record_webhook_alert_notices(jsonb) is 'Behind public.record_webhook_alert_notices.';
revoke all on function webhooks.record_webhook_alert_notices(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_webhook_alert_notices(jsonb) to service_role;

-- schemas/api/adopt_webhook_project.sql
create or replace function public.adopt_webhook_project(
    project text,
    pending text,
    batch_size integer default 1000
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.adopt_webhook_project(
        adopt_webhook_project.project, adopt_webhook_project.pending, adopt_webhook_project.batch_size);
end $$;
comment on function public.adopt_webhook_project(text, text, integer) is 'Confirms that this database now belongs to a project, whose workers then deliver. pending: deliver or discard pending deliveries (batch_size rows a call: call it again while "more" is true).';
revoke all on function public.adopt_webhook_project(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.adopt_webhook_project(text, text, integer) to service_role;

-- schemas/api/claim_for_webhook_listener.sql
create or replace function public.claim_for_webhook_listener(listener uuid, batch_size integer default 20)
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.claim_for_webhook_listener(claim_for_webhook_listener.listener, claim_for_webhook_listener.batch_size);
end $$;
comment on function public.claim_for_webhook_listener(uuid, integer) is 'Leases up to 20 deliveries of a listener of the caller''s: {"deliveries": [{"id", "event_type", "attempt", "lease_id", "body"}]}. The listener lives for another minute.';
revoke all on function public.claim_for_webhook_listener(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function public.claim_for_webhook_listener(uuid, integer) to authenticated, service_role;

-- schemas/api/claim_webhook_deliveries.sql
create or replace function public.claim_webhook_deliveries(
    batch_size integer default 100,
    lease_seconds integer default 60,
    worker text default null,
    per_endpoint integer default null,
    busy jsonb default '{}',
    project text default null,
    quiet_ms integer default null
)
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.claim_webhook_deliveries(
        claim_webhook_deliveries.batch_size,
        claim_webhook_deliveries.lease_seconds,
        claim_webhook_deliveries.worker,
        claim_webhook_deliveries.per_endpoint,
        claim_webhook_deliveries.busy,
        claim_webhook_deliveries.project,
        claim_webhook_deliveries.quiet_ms);
end $$;
comment on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) is 'Leases up to batch_size due deliveries, with an equal share for each endpoint within its limits: {"lease_id", "endpoints": their settings, "deliveries": [{"id", "endpoint_id", "event_type", "attempt", "body"}], "due_in_seconds", "held"}. Takes back expired leases. busy: how many deliveries of each endpoint the worker has in flight, less those that it may claim ahead; per_endpoint: how many it may have; project: the worker''s project; quiet_ms: a worker that listens claims again after this many milliseconds, so that it need not be notified until then. "due_in_seconds": when another claim may find more, if nothing is announced before; null: never. "held" says why nothing is claimed: the database belongs to another project.';
revoke all on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) to service_role;

-- schemas/api/claim_webhook_url_checks.sql
create or replace function public.claim_webhook_url_checks(
    how_many integer default 10,
    lease_seconds double precision default 60,
    project text default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.claim_webhook_url_checks(
        claim_webhook_url_checks.how_many,
        claim_webhook_url_checks.lease_seconds,
        claim_webhook_url_checks.project);
end $$;
comment on function public.claim_webhook_url_checks(integer, double precision, text) is 'Endpoints with a new or changed URL, for a worker to check: [{"id", "url", "credentials_profile"}]. After lease_seconds without a result another worker gets them. None while the database belongs to another project.';
revoke all on function public.claim_webhook_url_checks(integer, double precision, text) from public, anon, authenticated, service_role;
grant execute on function public.claim_webhook_url_checks(integer, double precision, text) to service_role;

-- schemas/api/count_webhook_sign_in.sql
create or replace function public.count_webhook_sign_in(pair text)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.count_webhook_sign_in(count_webhook_sign_in.pair);
end $$;
comment on function public.count_webhook_sign_in(text) is 'Counts an attempt to sign in to the dashboard; returns 0 if it is allowed, else the seconds to wait. Ten attempts in 15 minutes are allowed per address and account together.';
revoke all on function public.count_webhook_sign_in(text) from public, anon, authenticated, service_role;
grant execute on function public.count_webhook_sign_in(text) to service_role;

-- schemas/api/create_webhook_api_token.sql
create or replace function public.create_webhook_api_token(
    name text,
    scopes text[],
    expires_after interval default '90 days'
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.create_webhook_api_token(
        create_webhook_api_token.name,
        create_webhook_api_token.scopes,
        create_webhook_api_token.expires_after);
end $$;
comment on function public.create_webhook_api_token(text, text[], interval) is 'Creates an API token with scopes of read, manage and dispatch, and returns it once, as "token". expires_after null: it does not expire.';
revoke all on function public.create_webhook_api_token(text, text[], interval) from public, anon, authenticated, service_role;
grant execute on function public.create_webhook_api_token(text, text[], interval) to authenticated, service_role;

-- schemas/api/create_webhook_endpoint.sql
create or replace function public.create_webhook_endpoint(
    settings jsonb
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', create_webhook_endpoint.settings ->> 'tenant_id');
    return webhooks.create_webhook_endpoint(create_webhook_endpoint.settings);
end $$;
comment on function public.create_webhook_endpoint(jsonb) is 'Creates an endpoint of {"name", "url", "events", ...}, with "tenant_id" for that tenant, and returns its id and its secret, which is shown only once.';
revoke all on function public.create_webhook_endpoint(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.create_webhook_endpoint(jsonb) to authenticated, service_role;

-- schemas/api/delete_webhook_endpoint.sql
create or replace function public.delete_webhook_endpoint(webhook_config_id uuid, keep_history boolean default false)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => delete_webhook_endpoint.webhook_config_id);
    return webhooks.delete_webhook_endpoint(
        delete_webhook_endpoint.webhook_config_id,
        delete_webhook_endpoint.keep_history);
end $$;
comment on function public.delete_webhook_endpoint(uuid, boolean) is 'Deletes an endpoint with its deliveries, while it is in use: disables it first, then deletes a batch a call. Call it until more is false. keep_history: its deliveries stay, the unfinished ones as failed, and the endpoint is hidden. Returns {"id", "deliveries", "more"}.';
revoke all on function public.delete_webhook_endpoint(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function public.delete_webhook_endpoint(uuid, boolean) to authenticated, service_role;

-- schemas/api/end_webhook_secret_overlap.sql
create or replace function public.end_webhook_secret_overlap(webhook_config_id uuid)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => end_webhook_secret_overlap.webhook_config_id);
    return webhooks.end_webhook_secret_overlap(end_webhook_secret_overlap.webhook_config_id);
end $$;
comment on function public.end_webhook_secret_overlap(uuid) is 'Ends the overlap of a rotation: from now on only the new secret signs, also in X-Webhook-Signature.';
revoke all on function public.end_webhook_secret_overlap(uuid) from public, anon, authenticated, service_role;
grant execute on function public.end_webhook_secret_overlap(uuid) to authenticated, service_role;

-- schemas/api/erase_webhook_payloads.sql
create or replace function public.erase_webhook_payloads(
    tenant_id text default null,
    actor text default null,
    before timestamptz default null,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.erase_webhook_payloads(
        erase_webhook_payloads.tenant_id,
        erase_webhook_payloads.actor,
        erase_webhook_payloads.before,
        erase_webhook_payloads.at_most,
        erase_webhook_payloads.after_created_at,
        erase_webhook_payloads.after_id);
end $$;
comment on function public.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) is 'Empties the payloads and response excerpts of finished deliveries, and what trigger errors kept: of a tenant, of a user (actor), created before a time, or what satisfies all that is given. All else of them is kept. At most at_most rows are looked at: call it again with "next" until that is null.';
revoke all on function public.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function public.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) to authenticated, service_role;

-- schemas/api/evaluate_webhook_alerts.sql
create or replace function public.evaluate_webhook_alerts(
    policy jsonb,
    lease_seconds double precision default 60
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.evaluate_webhook_alerts(evaluate_webhook_alerts.policy, evaluate_webhook_alerts.lease_seconds);
end $$;
comment on function public.evaluate_webhook_alerts(jsonb, double precision) is 'Starts and ends alerts, and leases the notices to send. policy: thresholds, and channels by kind.';
revoke all on function public.evaluate_webhook_alerts(jsonb, double precision) from public, anon, authenticated, service_role;
grant execute on function public.evaluate_webhook_alerts(jsonb, double precision) to service_role;

-- schemas/api/find_webhook_api_token.sql
create or replace function public.find_webhook_api_token(hash text)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.find_webhook_api_token(find_webhook_api_token.hash);
end $$;
comment on function public.find_webhook_api_token(text) is 'For the gateway: id, name, prefix and scopes of the API token with this SHA-256 hash; null if there is none, or it was revoked or has expired.';
revoke all on function public.find_webhook_api_token(text) from public, anon, authenticated, service_role;
grant execute on function public.find_webhook_api_token(text) to service_role;

-- schemas/api/finish_webhook_dispatcher_run.sql
create or replace function public.finish_webhook_dispatcher_run(
    run_id uuid,
    enqueued integer,
    error text default null
)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    perform webhooks.finish_webhook_dispatcher_run(
        finish_webhook_dispatcher_run.run_id,
        finish_webhook_dispatcher_run.enqueued,
        finish_webhook_dispatcher_run.error);
end $$;
comment on function public.finish_webhook_dispatcher_run(uuid, integer, text) is 'Records how a dispatcher run ended.';
revoke all on function public.finish_webhook_dispatcher_run(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function public.finish_webhook_dispatcher_run(uuid, integer, text) to service_role;

-- schemas/api/forget_webhook_sign_ins.sql
create or replace function public.forget_webhook_sign_ins(pair text)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    perform webhooks.forget_webhook_sign_ins(forget_webhook_sign_ins.pair);
end $$;
comment on function public.forget_webhook_sign_ins(text) is 'Resets the attempts of an address and an account after a sign-in.';
revoke all on function public.forget_webhook_sign_ins(text) from public, anon, authenticated, service_role;
grant execute on function public.forget_webhook_sign_ins(text) to service_role;

-- schemas/api/get_webhook_delivery.sql
create or replace function public.get_webhook_delivery(
    delivery_id uuid
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read', delivery_id => get_webhook_delivery.delivery_id);
    return webhooks.get_webhook_delivery(get_webhook_delivery.delivery_id);
end $$;
comment on function public.get_webhook_delivery(uuid) is 'The details of one delivery: its row, its endpoint, each attempt, and a timeline.';
revoke all on function public.get_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function public.get_webhook_delivery(uuid) to authenticated, service_role;

-- schemas/api/list_webhook_api_tokens.sql
create or replace function public.list_webhook_api_tokens()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.list_webhook_api_tokens();
end $$;
comment on function public.list_webhook_api_tokens() is 'API tokens, the active ones first, then those that expired or were revoked in the last 30 days: name, prefix, scopes, and when each expires and was last used. Never the tokens themselves or their hashes.';
revoke all on function public.list_webhook_api_tokens() from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_api_tokens() to authenticated, service_role;

-- schemas/api/list_webhook_endpoints.sql
create or replace function public.list_webhook_endpoints(
    webhook_config_id uuid default null,
    after_name text default null,
    after_id uuid default null,
    page_size integer default 200,
    tenant_id text default null,
    search text default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read', list_webhook_endpoints.tenant_id, list_webhook_endpoints.webhook_config_id);
    return webhooks.list_webhook_endpoints(
        list_webhook_endpoints.webhook_config_id,
        list_webhook_endpoints.after_name,
        list_webhook_endpoints.after_id,
        list_webhook_endpoints.page_size,
        list_webhook_endpoints.tenant_id,
        list_webhook_endpoints.search);
end $$;
comment on function public.list_webhook_endpoints(uuid, text, uuid, integer, text, text) is 'Endpoints with their health, by name: all, one, a tenant''s, those after a name and id, or those whose name or URL contains a text. Without secrets and the values of headers.';
revoke all on function public.list_webhook_endpoints(uuid, text, uuid, integer, text, text) from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_endpoints(uuid, text, uuid, integer, text, text) to authenticated, service_role;

-- schemas/api/list_webhook_secrets.sql
create or replace function public.list_webhook_secrets()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.list_webhook_secrets();
end $$;
comment on function public.list_webhook_secrets() is 'All secrets as they are stored, encrypted or not, for workers to encrypt: [{"webhook_config_id", "secret_key"}].';
revoke all on function public.list_webhook_secrets() from public, anon, authenticated, service_role;
grant execute on function public.list_webhook_secrets() to service_role;

-- schemas/api/prepare_webhook_partitions.sql
create or replace function public.prepare_webhook_partitions()
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.prepare_webhook_partitions();
end $$;
comment on function public.prepare_webhook_partitions() is 'Creates the partitions of the coming days, if history is partitioned; returns how many. Called by the workers.';
revoke all on function public.prepare_webhook_partitions() from public, anon, authenticated, service_role;
grant execute on function public.prepare_webhook_partitions() to service_role;

-- schemas/api/purge_webhook_history.sql
create or replace function public.purge_webhook_history(
    older_than interval,
    batch_size integer default 1000
)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.purge_webhook_history(purge_webhook_history.older_than, purge_webhook_history.batch_size);
end $$;
comment on function public.purge_webhook_history(interval, integer) is 'Deletes up to batch_size each of finished deliveries with their attempts, hourly figures, dispatcher runs, trigger errors, logged dispatches of servers and idempotency keys that are older than older_than, and sign-in attempts older than 15 minutes; returns how many. Pending deliveries are kept, however old, and so is the newest dispatcher run.';
revoke all on function public.purge_webhook_history(interval, integer) from public, anon, authenticated, service_role;
grant execute on function public.purge_webhook_history(interval, integer) to service_role;

-- schemas/api/record_for_webhook_listener.sql
create or replace function public.record_for_webhook_listener(listener uuid, results jsonb)
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.record_for_webhook_listener(record_for_webhook_listener.listener, record_for_webhook_listener.results);
end $$;
comment on function public.record_for_webhook_listener(uuid, jsonb) is 'Records attempts of deliveries that a listener of the caller''s has claimed: [{"delivery_id", "lease_id", "attempt", "started_at", "duration_ms", "delivered", "response_status", "response_excerpt", "error"}]. A failed one is not retried. Returns what record_webhook_attempts does.';
revoke all on function public.record_for_webhook_listener(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_for_webhook_listener(uuid, jsonb) to authenticated, service_role;

-- schemas/api/record_webhook_alert_notices.sql
create or replace function public.record_webhook_alert_notices(
    results jsonb
)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    perform webhooks.record_webhook_alert_notices(record_webhook_alert_notices.results);
end $$;
comment on function public.record_webhook_alert_notices(jsonb) is 'Records which notices were sent; one with an error is retried.';
revoke all on function public.record_webhook_alert_notices(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_alert_notices(jsonb) to service_role;

-- schemas/api/record_webhook_attempts.sql
create or replace function public.record_webhook_attempts(results jsonb, policy jsonb default '{}')
returns json
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.record_webhook_attempts(record_webhook_attempts.results, record_webhook_attempts.policy);
end $$;
comment on function public.record_webhook_attempts(jsonb, jsonb) is 'Records a batch of attempts: logs each, moves its delivery to delivered, back to pending with backoff, or failed, and opens or closes its endpoint''s circuit. Recording the same result twice changes nothing. policy: failure_threshold, reset_seconds, failure_rate, rate_minimum, rate_window_seconds, disable_after_seconds. Returns the outcome of each: {"recorded", "late"}, each a list of {"delivery_id", "status", "due_in_seconds", "accepted"}.';
revoke all on function public.record_webhook_attempts(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_attempts(jsonb, jsonb) to service_role;

-- schemas/api/record_webhook_url_checks.sql
create or replace function public.record_webhook_url_checks(
    results jsonb
)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.record_webhook_url_checks(record_webhook_url_checks.results);
end $$;
comment on function public.record_webhook_url_checks(jsonb) is 'Records workers'' checks of URLs: each as it was claimed, with "warning", which is null if the URL is fine. Returns how many counted: not those whose URL has changed in the meantime.';
revoke all on function public.record_webhook_url_checks(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_url_checks(jsonb) to service_role;

-- schemas/api/release_webhook_deliveries.sql
create or replace function public.release_webhook_deliveries(
    leases jsonb
)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.release_webhook_deliveries(release_webhook_deliveries.leases);
end $$;
comment on function public.release_webhook_deliveries(jsonb) is 'Releases leased deliveries that were not attempted: [{"delivery_id", "lease_id"}]. They are due again immediately.';
revoke all on function public.release_webhook_deliveries(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.release_webhook_deliveries(jsonb) to service_role;

-- schemas/api/replace_webhook_secret.sql
create or replace function public.replace_webhook_secret(
    webhook_config_id uuid,
    stored text,
    sealed text
)
returns boolean
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.replace_webhook_secret(
        replace_webhook_secret.webhook_config_id,
        replace_webhook_secret.stored,
        replace_webhook_secret.sealed);
end $$;
comment on function public.replace_webhook_secret(uuid, text, text) is 'Stores a secret in another form, if it is still as it was read.';
revoke all on function public.replace_webhook_secret(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.replace_webhook_secret(uuid, text, text) to service_role;

-- schemas/api/replay_webhook_deliveries.sql
create or replace function public.replay_webhook_deliveries(
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    event_type text default null,
    status text default 'failed',
    dry_run boolean default true,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => replay_webhook_deliveries.webhook_config_id);
    return webhooks.replay_webhook_deliveries(
        replay_webhook_deliveries.webhook_config_id,
        replay_webhook_deliveries.created_from,
        replay_webhook_deliveries.created_until,
        replay_webhook_deliveries.event_type,
        replay_webhook_deliveries.status,
        replay_webhook_deliveries.dry_run,
        replay_webhook_deliveries.at_most,
        replay_webhook_deliveries.after_created_at,
        replay_webhook_deliveries.after_id);
end $$;
comment on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) is 'Makes failed (or delivered) deliveries due again, oldest first. By default it only counts: {"matching"}. With dry_run false it takes at_most of them; continue with "next" and the same created_until until "next" is null.';
revoke all on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) to authenticated, service_role;

-- schemas/api/retry_webhook_deliveries.sql
create or replace function public.retry_webhook_deliveries(
    delivery_ids uuid[] default null,
    webhook_config_id uuid default null,
    at_most integer default 1000
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.retry_webhook_deliveries(
        retry_webhook_deliveries.delivery_ids, retry_webhook_deliveries.webhook_config_id, retry_webhook_deliveries.at_most);
end $$;
comment on function public.retry_webhook_deliveries(uuid[], uuid, integer) is 'Makes selected deliveries due now, or those that wait for their next attempt at an endpoint: {"retried", "more"}. Deliveries of inactive endpoints are not changed.';
revoke all on function public.retry_webhook_deliveries(uuid[], uuid, integer) from public, anon, authenticated, service_role;
grant execute on function public.retry_webhook_deliveries(uuid[], uuid, integer) to authenticated, service_role;

-- schemas/api/retry_webhook_delivery.sql
create or replace function public.retry_webhook_delivery(
    delivery_id uuid
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', delivery_id => retry_webhook_delivery.delivery_id);
    return webhooks.retry_webhook_delivery(retry_webhook_delivery.delivery_id);
end $$;
comment on function public.retry_webhook_delivery(uuid) is 'Makes a delivery due now: a failed one gets one more attempt, a delivered one is sent again, a waiting one is attempted immediately.';
revoke all on function public.retry_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function public.retry_webhook_delivery(uuid) to authenticated, service_role;

-- schemas/api/retry_webhook_trigger_errors.sql
create or replace function public.retry_webhook_trigger_errors(
    ids uuid[] default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.retry_webhook_trigger_errors(retry_webhook_trigger_errors.ids);
end $$;
comment on function public.retry_webhook_trigger_errors(uuid[]) is 'Emits once, in order, the events that triggers could not emit: of the given errors, or of the oldest 1,000 that are not resolved. Returns {"resolved", "failed": [{"id", "message"}]}.';
revoke all on function public.retry_webhook_trigger_errors(uuid[]) from public, anon, authenticated, service_role;
grant execute on function public.retry_webhook_trigger_errors(uuid[]) to authenticated, service_role;

-- schemas/api/revoke_webhook_api_token.sql
create or replace function public.revoke_webhook_api_token(token_id uuid)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.revoke_webhook_api_token(revoke_webhook_api_token.token_id);
end $$;
comment on function public.revoke_webhook_api_token(uuid) is 'Revokes an API token: it is rejected from the next request on, and cannot be restored.';
revoke all on function public.revoke_webhook_api_token(uuid) from public, anon, authenticated, service_role;
grant execute on function public.revoke_webhook_api_token(uuid) to authenticated, service_role;

-- schemas/api/rotate_webhook_secret.sql
create or replace function public.rotate_webhook_secret(
    webhook_config_id uuid,
    overlap interval default '24 hours'
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => rotate_webhook_secret.webhook_config_id);
    return webhooks.rotate_webhook_secret(rotate_webhook_secret.webhook_config_id, rotate_webhook_secret.overlap);
end $$;
comment on function public.rotate_webhook_secret(uuid, interval) is 'Gives an endpoint a new secret and returns it, once. Until the overlap ends, both sign; with an overlap of 0, the old ones end immediately.';
revoke all on function public.rotate_webhook_secret(uuid, interval) from public, anon, authenticated, service_role;
grant execute on function public.rotate_webhook_secret(uuid, interval) to authenticated, service_role;

-- schemas/api/search_webhook_deliveries.sql
create or replace function public.search_webhook_deliveries(
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    before_created_at timestamptz default null,
    before_id uuid default null,
    page_size integer default 50,
    response_status integer default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read', search_webhook_deliveries.tenant_id);
    return webhooks.search_webhook_deliveries(
        search_webhook_deliveries.event_type,
        search_webhook_deliveries.status,
        search_webhook_deliveries.webhook_config_id,
        search_webhook_deliveries.created_from,
        search_webhook_deliveries.created_until,
        search_webhook_deliveries.request_id,
        search_webhook_deliveries.payload_path,
        search_webhook_deliveries.payload_value,
        search_webhook_deliveries.before_created_at,
        search_webhook_deliveries.before_id,
        search_webhook_deliveries.page_size,
        search_webhook_deliveries.response_status,
        search_webhook_deliveries.tenant_id);
end $$;
comment on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) is 'Deliveries, newest first, by any filter; tenant_id: those to the tenant''s endpoints; payload_path is dotted (data.community_id). "next" holds the arguments of the next page; "searched_until" is set if a page ended because the maximum number of rows was searched.';
revoke all on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) from public, anon, authenticated, service_role;
grant execute on function public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) to authenticated, service_role;

-- schemas/api/send_test_webhook.sql
create or replace function public.send_test_webhook(
    webhook_config_id uuid,
    event_type text default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => send_test_webhook.webhook_config_id);
    return webhooks.send_test_webhook(send_test_webhook.webhook_config_id, send_test_webhook.event_type);
end $$;
comment on function public.send_test_webhook(uuid, text) is 'Creates one delivery for an endpoint: of the event webhook.test, or of the example of an event type.';
revoke all on function public.send_test_webhook(uuid, text) from public, anon, authenticated, service_role;
grant execute on function public.send_test_webhook(uuid, text) to authenticated, service_role;

-- schemas/api/skip_webhook_deliveries.sql
create or replace function public.skip_webhook_deliveries(
    delivery_ids uuid[]
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.skip_webhook_deliveries(skip_webhook_deliveries.delivery_ids);
end $$;
comment on function public.skip_webhook_deliveries(uuid[]) is 'Ends selected pending deliveries without sending them: they fail with "skipped by" and the caller. {"skipped"}. Those that are being sent or are finished are not changed.';
revoke all on function public.skip_webhook_deliveries(uuid[]) from public, anon, authenticated, service_role;
grant execute on function public.skip_webhook_deliveries(uuid[]) to authenticated, service_role;

-- schemas/api/start_webhook_dispatcher_run.sql
create or replace function public.start_webhook_dispatcher_run(
    source text
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.start_webhook_dispatcher_run(start_webhook_dispatcher_run.source);
end $$;
comment on function public.start_webhook_dispatcher_run(text) is 'Records the cron''s heartbeat and returns {"run_id", "due"}.';
revoke all on function public.start_webhook_dispatcher_run(text) from public, anon, authenticated, service_role;
grant execute on function public.start_webhook_dispatcher_run(text) to service_role;

-- schemas/api/start_webhook_listener.sql
create or replace function public.start_webhook_listener(events text[])
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.start_webhook_listener(start_webhook_listener.events);
end $$;
comment on function public.start_webhook_listener(text[]) is 'Starts a listener: creates a temporary endpoint, listen://..., that no worker delivers to, and returns {"id", "name"}. Its owner claims its deliveries with claim_for_webhook_listener, at least once a minute; otherwise it is deleted with its deliveries. For `webhooks listen`.';
revoke all on function public.start_webhook_listener(text[]) from public, anon, authenticated, service_role;
grant execute on function public.start_webhook_listener(text[]) to authenticated, service_role;

-- schemas/api/stop_webhook_listener.sql
create or replace function public.stop_webhook_listener(listener uuid)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.stop_webhook_listener(stop_webhook_listener.listener);
end $$;
comment on function public.stop_webhook_listener(uuid) is 'Deletes a listener of the caller''s, with its endpoint and its deliveries. Call it until more is false. Returns {"id", "deliveries", "more"}.';
revoke all on function public.stop_webhook_listener(uuid) from public, anon, authenticated, service_role;
grant execute on function public.stop_webhook_listener(uuid) to authenticated, service_role;

-- schemas/api/update_webhook_endpoint.sql
create or replace function public.update_webhook_endpoint(
    webhook_config_id uuid,
    changes jsonb
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('manage', webhook_config_id => update_webhook_endpoint.webhook_config_id);
    return webhooks.update_webhook_endpoint(
        update_webhook_endpoint.webhook_config_id,
        update_webhook_endpoint.changes);
end $$;
comment on function public.update_webhook_endpoint(uuid, jsonb) is 'Changes the given settings of an endpoint; the others are kept, except headers and credentials_profile if the URL gets another host or port, or a queue another endpoint_url, region, tls or sasl. {"is_active": false} pauses it. With updated_at, as you read it, the change is rejected if the endpoint has changed since.';
revoke all on function public.update_webhook_endpoint(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function public.update_webhook_endpoint(uuid, jsonb) to authenticated, service_role;

-- schemas/api/webhook_admin_write.sql
create or replace function public.webhook_admin_write(
    action text,
    arguments jsonb,
    idempotency_key text default null,
    api_token uuid default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    if webhook_admin_write.api_token is not null then
        perform webhooks.check_server();
    end if;
    return webhooks.webhook_admin_write(
        webhook_admin_write.action,
        webhook_admin_write.arguments,
        webhook_admin_write.idempotency_key,
        webhook_admin_write.api_token);
end $$;
comment on function public.webhook_admin_write(text, jsonb, text, uuid) is 'A write of the admin API: create_endpoint, update_endpoint, rotate_secret, send_test, retry, replay, dispatch, create_token or revoke_token. A repeated idempotency_key within a day returns the first result, without its secret, and does nothing. api_token: the id of the API token for which the gateway writes.';
revoke all on function public.webhook_admin_write(text, jsonb, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.webhook_admin_write(text, jsonb, text, uuid) to authenticated, service_role;

-- schemas/api/webhook_admins.sql
create or replace function public.webhook_admins(email text default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_admins(webhook_admins.email);
end $$;
comment on function public.webhook_admins(text) is 'For `webhooks admins`: the accounts that app_metadata or public.users.role name as admins or viewers, and whether that counts; or the account with this address.';
revoke all on function public.webhook_admins(text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_admins(text) to service_role;

-- schemas/api/webhook_backlog.sql
create or replace function public.webhook_backlog(
    at_most integer default 10000
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_backlog(webhook_backlog.at_most);
end $$;
comment on function public.webhook_backlog(integer) is 'How many deliveries are due now and may go out (counted up to at_most, including expired leases), and since when the oldest has been waiting; how many endpoints'' URLs must be checked, up to 100.';
revoke all on function public.webhook_backlog(integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_backlog(integer) to service_role;

-- schemas/api/webhook_can_write.sql
create or replace function public.webhook_can_write()
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_can_write();
end $$;
comment on function public.webhook_can_write() is 'Attempts a write: {"writable", "why"}.';
revoke all on function public.webhook_can_write() from public, anon, authenticated, service_role;
grant execute on function public.webhook_can_write() to service_role;

-- schemas/api/webhook_define_event.sql
create or replace function public.webhook_define_event(
    name text,
    description text,
    data_schema jsonb,
    example jsonb default null,
    users_may_dispatch boolean default false,
    audience text default null
)
returns text
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_define_event(
        webhook_define_event.name,
        webhook_define_event.description,
        webhook_define_event.data_schema,
        webhook_define_event.example,
        webhook_define_event.users_may_dispatch,
        webhook_define_event.audience);
end $$;
comment on function public.webhook_define_event(text, text, jsonb, jsonb, boolean, text) is 'Adds an event type to the catalog, or changes it: its meaning, the JSON Schema of its data, and an example (derived from the schema if none is given). users_may_dispatch: signed-in users can dispatch it too. audience: customers for a type that tenants'' endpoints can receive, else internal; null: unchanged, and internal for a new type.';
revoke all on function public.webhook_define_event(text, text, jsonb, jsonb, boolean, text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_define_event(text, text, jsonb, jsonb, boolean, text) to service_role;

-- schemas/api/webhook_diagnosis.sql
create or replace function public.webhook_diagnosis()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_diagnosis();
end $$;
comment on function public.webhook_diagnosis() is 'For `webhooks doctor`: applied migrations, missing or surplus grants, tables without row level security, the clock.';
revoke all on function public.webhook_diagnosis() from public, anon, authenticated, service_role;
grant execute on function public.webhook_diagnosis() to service_role;

-- schemas/api/webhook_figures.sql
create or replace function public.webhook_figures(
    webhook_config_id uuid default null,
    unit text default 'hour',
    count integer default 24
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_figures(webhook_figures.webhook_config_id, webhook_figures.unit, webhook_figures.count);
end $$;
comment on function public.webhook_figures(uuid, text, integer) is 'Attempts by hour or day (UTC), of one endpoint or all: delivered, failed, estimated latencies, and the sums of each event type. Of all, the five busiest endpoints; of one, the responses to its newest thousand deliveries.';
revoke all on function public.webhook_figures(uuid, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_figures(uuid, text, integer) to authenticated, service_role;

-- schemas/api/webhook_health.sql
create or replace function public.webhook_health()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_health();
end $$;
comment on function public.webhook_health() is 'The last hour''s deliveries by status, the backlog, endpoints, and the cron''s last run.';
revoke all on function public.webhook_health() from public, anon, authenticated, service_role;
grant execute on function public.webhook_health() to service_role;

-- schemas/api/webhook_histogram.sql
create or replace function public.webhook_histogram(
    created_from timestamptz,
    created_until timestamptz default null,
    bucket_seconds integer default 900,
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    response_status integer default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_histogram(
        webhook_histogram.created_from,
        webhook_histogram.created_until,
        webhook_histogram.bucket_seconds,
        webhook_histogram.event_type,
        webhook_histogram.status,
        webhook_histogram.webhook_config_id,
        webhook_histogram.request_id,
        webhook_histogram.payload_path,
        webhook_histogram.payload_value,
        webhook_histogram.response_status);
end $$;
comment on function public.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) is 'Deliveries by creation time and current status, with the filters of search_webhook_deliveries, in buckets that begin by the clock; each as a column. A bucket counts its newest 500 deliveries; "more" says that it has more.';
revoke all on function public.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) to authenticated, service_role;

-- schemas/api/webhook_inventory.sql
create or replace function public.webhook_inventory()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_inventory();
end $$;
comment on function public.webhook_inventory() is 'Each table, column, constraint, index, trigger, policy, function and grant of ours with a fingerprint: {"kind": {"name": "fingerprint"}}, for `webhooks doctor` to compare with its own version.';
revoke all on function public.webhook_inventory() from public, anon, authenticated, service_role;
grant execute on function public.webhook_inventory() to service_role;

-- schemas/api/webhook_metrics.sql
create or replace function public.webhook_metrics()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_metrics();
end $$;
comment on function public.webhook_metrics() is 'For the gateway''s /metrics: the backlog, unfinished deliveries, circuits, endpoints and the last heartbeat.';
revoke all on function public.webhook_metrics() from public, anon, authenticated, service_role;
grant execute on function public.webhook_metrics() to service_role;

-- schemas/api/webhook_overview.sql
create or replace function public.webhook_overview()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_overview();
end $$;
comment on function public.webhook_overview() is 'The dashboard: status with reasons, the last hour''s deliveries, circuits of active endpoints, latencies of the last hour''s attempts, and the dispatcher''s uptime over a day.';
revoke all on function public.webhook_overview() from public, anon, authenticated, service_role;
grant execute on function public.webhook_overview() to authenticated, service_role;

-- schemas/api/webhook_row_numbers.sql
create or replace function public.webhook_row_numbers(how_many integer)
returns setof integer
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return query select n from generate_series(1, least(how_many, 10000)) as n;
end $$;
comment on function public.webhook_row_numbers(integer) is 'Returns the given number of rows: `webhooks doctor` uses it to find out how many the REST API returns at most (max rows).';
revoke all on function public.webhook_row_numbers(integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_row_numbers(integer) to service_role;

-- schemas/api/webhook_sample_events.sql
create or replace function public.webhook_sample_events(source text, columns text[], actor text default null)
returns jsonb
language plpgsql
stable
-- invoker: it reads the app's table with the caller's own grants and policies
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _sql text;
    _read integer;
    _rows jsonb := '[]';
    _problem text;
begin
    perform webhooks.check_admin();
    _sql := webhooks.sample_sql(webhook_sample_events.source, webhook_sample_events.columns, webhook_sample_events.actor);
    begin
        -- of auth.users nothing, whatever a restore has granted: REST does not expose its schema, nor does this
        if webhook_sample_events.source not like 'public.%' then
            raise insufficient_privilege;
        end if;
        -- as it is for REST: the app's policies may call functions that do not pin their own
        perform set_config('search_path', 'public, extensions', true);
        execute format(
            'select count(*), coalesce(jsonb_agg(s.event) filter (where octet_length(s.event::text) <= 262144), ''[]'')'
            ' from (%s) as s (event)', _sql)
        into _read, _rows;
        _problem := case
            when _read = 0 then 'The table has no rows, or none that you can read.'
            when jsonb_array_length(_rows) < _read then 'Some of its rows are larger than an event can be (256 KB).'
        end;
    exception
        when insufficient_privilege then
            _problem := 'You cannot read this table: being a webhook admin gives no access to its rows.';
        -- a policy that fails, for example
        when others then
            _problem := format('The table cannot be read: %s.', sqlerrm);
    end;
    return jsonb_build_object('rows', _rows, 'problem', _problem);
end $$;
comment on function public.webhook_sample_events(text, text[], text) is 'The last rows of a table, three at most, as webhook_attach would send them: {"rows": [{"data", "actor"}], "problem"}. Read with the caller''s own rights: without a grant there are none, and row level security hides what it hides. source: a table as webhook_tables names it; columns: what data has; actor: the column of the user.';
revoke all on function public.webhook_sample_events(text, text[], text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_sample_events(text, text[], text) to authenticated, service_role;

-- schemas/api/webhook_series.sql
create or replace function public.webhook_series(
    span interval default '1 hour',
    buckets integer default 60
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_access('read');
    return webhooks.webhook_series(webhook_series.span, webhook_series.buckets);
end $$;
comment on function public.webhook_series(interval, integer) is 'Deliveries by creation time and current status, and attempts'' latencies, in equal buckets that begin by the clock, the newest with now in it; each as a column. In buckets of ten minutes or more, latencies are about those of the hour.';
revoke all on function public.webhook_series(interval, integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_series(interval, integer) to authenticated, service_role;

-- schemas/api/webhook_tables.sql
create or replace function public.webhook_tables()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.webhook_tables();
end $$;
comment on function public.webhook_tables() is 'The app''s tables that webhook_attach could turn into events: those of public, and auth.users, with the names and types of their columns, and no row.';
revoke all on function public.webhook_tables() from public, anon, authenticated, service_role;
grant execute on function public.webhook_tables() to authenticated, service_role;

-- schemas/api/webhook_traceparents.sql
create or replace function public.webhook_traceparents(
    delivery_ids uuid[]
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.webhook_traceparents(webhook_traceparents.delivery_ids);
end $$;
comment on function public.webhook_traceparents(uuid[]) is 'The traceparent of each delivery that has one, by id.';
revoke all on function public.webhook_traceparents(uuid[]) from public, anon, authenticated, service_role;
grant execute on function public.webhook_traceparents(uuid[]) to service_role;

-- schemas/deliveries/claim_webhook_deliveries.sql
create or replace function webhooks.claim_webhook_deliveries(
    batch_size integer default 100,
    lease_seconds integer default 60,
    worker text default null,
    per_endpoint integer default null,
    busy jsonb default '{}',
    project text default null,
    quiet_ms integer default null
)
returns json
language plpgsql
-- definer: behind public.claim_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- Plans are kept, which saves 0.6 ms a call. They are made while the tables may have a few rows, so each statement here
-- is written such that only one index will do, row by row: a scan of a whole table or index is never right, whatever
-- stale statistics say about a queue. For webhook_deliveries that holds from some size on.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
    _now timestamptz := now();
    _lease uuid := gen_random_uuid();
    _batch integer := least(greatest(coalesce(batch_size, 100), 1), 1000);
    -- of payloads
    _bytes constant integer := 4194304;
    _held jsonb := webhooks.hold_for(project);
    _start uuid := gen_random_uuid();
    _expired uuid[];
    _unlimited uuid[];
    _limited uuid[];
    _endpoints uuid[];
    _rooms integer[];
    _share integer;
    _crowded text[];
    _ids uuid[];
    _oldest timestamptz;
    _newest timestamptz;
    _claimed json;
    _settings jsonb;
    _count integer;
    _chosen integer;
    -- whether plans of what reads webhook_deliveries are kept, and the setting for that
    _kept boolean;
    _mode text;
    -- seconds after which another claim may find more, at the latest; null: that depends on the queue
    _again double precision;
begin
    if _held is not null then
        return json_build_object('held', _held, 'lease_id', null, 'endpoints', '[]'::json, 'deliveries', '[]'::json,
                                 'due_in_seconds', null, 'unchecked_urls', false);
    end if;
    -- A crash of the server may forget the claim: it was not made then, and its deliveries are claimed again. A function's
    -- own setting would end before the commit.
    perform set_config('synchronous_commit', 'off', true);
    if quiet_ms is not null then
        -- first the quiet that begins or ends, then the look at who relied on the one before (webhooks.wake_workers), then
        -- the look at the queue: by statements of their own, each of which sees what was committed before it
        perform setval('webhooks.wake_ups', floor(extract(epoch from clock_timestamp()) * 1000)::bigint + quiet_ms);
        if not pg_try_advisory_xact_lock(8604251837184701473) then
            _again := 0.02;
        end if;
    end if;

    -- 1. what has become due: retries, and expired leases, whose workers have stopped
    select array_agg(l.delivery_id), array_agg(l.delivery_id) filter (where l.lease_id is not null),
           min(l.created_at), max(l.created_at)
    into _ids, _expired, _oldest, _newest
    from (
        select q.delivery_id, q.lease_id, q.created_at
        from webhooks.delivery_queue as q
        where not q.ready and q.due_at <= _now
        order by q.due_at
        limit 1000
        for update skip locked
    ) as l;
    if _ids is not null then
        update webhooks.delivery_queue as q
        set ready = true, lease_id = null, leased_at = null
        where q.delivery_id = any (_ids);
    end if;
    if _expired is not null then
        perform set_config('plan_cache_mode', 'force_custom_plan', true);
        update public.webhook_deliveries as d
        set status = 'pending'
        where d.id = any (_expired) and d.created_at between _oldest and _newest and d.status = 'processing';
        perform set_config('plan_cache_mode', 'force_generic_plan', true);
    end if;

    -- 2. the tenants whose deliveries have taken as many places of the worker as five endpoints may have: receivers that
    -- respond slowly must not take all of them. More of theirs when there are fewer, which nothing announces
    if (select sum(b.value::integer) from jsonb_each_text(busy) as b) >= 5 * per_endpoint then
        _crowded := array(
            select c.tenant_id
            from jsonb_each_text(busy) as b
            join public.webhook_configurations as c on c.id = b.key::uuid
            where c.tenant_id is not null
            group by c.tenant_id
            having sum(b.value::integer) >= 5 * per_endpoint);
        if cardinality(_crowded) > 0 then
            _again := least(_again, 0.1);
        end if;
    end if;

    -- 3. the endpoints that may be delivered to, that have something due, and of which the worker has room for more;
    -- the scan begins at a random one, so that none waits behind the others' backlog when there are more than fit
    select coalesce(array_agg(due.id) filter (where not due.limited), '{}'),
           coalesce(array_agg(due.room) filter (where not due.limited), '{}'),
           coalesce(array_agg(due.id) filter (where due.limited), '{}')
    into _unlimited, _rooms, _limited
    from (
        select r.id, r.limited, least(_batch, per_endpoint - coalesce((busy ->> r.id::text)::integer, 0)) as room
        from (
            select e.id from webhooks.endpoints_with_due(_start) as e (id)
            union all
            select e.id from webhooks.endpoints_with_due() as e (id) where e.id < _start
        ) as e
        -- the limit keeps it from being read the other way round, every endpoint first
        cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id limit 1) as r
        where (r.tokens is null or r.tokens >= 1)
          and (per_endpoint is null or coalesce((busy ->> r.id::text)::integer, 0) < per_endpoint)
          and (_crowded is null or not exists (
              select from public.webhook_configurations as c where c.id = e.id and c.tenant_id = any (_crowded)))
          -- one that has as many in flight as it may must not take another's turn
          and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
        limit _batch
    ) as due;
    _endpoints := _unlimited;

    -- 4. the limited ones: locked, so that what they have room for is counted by one worker at a time
    _count := cardinality(_limited);
    if _count > 0 then
        insert into public.webhook_circuits (webhook_config_id)
        select c.id
        from public.webhook_configurations as c
        where c.id = any (_limited)
          and not exists (select from public.webhook_circuits as h where h.webhook_config_id = c.id)
        -- not one that is deleted just now
        for key share skip locked
        on conflict do nothing;
        -- one whose circuit another transaction holds waits for the next claim, without blocking others
        _limited := array(
            select h.webhook_config_id
            from public.webhook_circuits as h
            where h.webhook_config_id = any (_limited)
            order by h.webhook_config_id
            for update skip locked);
        if cardinality(_limited) < _count then
            _again := 0.05;
        end if;
        select _endpoints || array_agg(room.id), _rooms || array_agg(room.size)
        into _endpoints, _rooms
        from (
            select r.id,
                   least(_batch, per_endpoint - coalesce((busy ->> r.id::text)::integer, 0),
                         r.places - webhooks.under_way(r.id, r.places_since, r.places), floor(r.tokens))::integer as size
            from webhooks.ready_endpoints as r
            where r.id = any (_limited)
        ) as room
        where room.size > 0;
    end if;
    if coalesce(cardinality(_endpoints), 0) = 0 then
        return json_build_object('held', null, 'lease_id', null, 'endpoints', '[]'::json, 'deliveries', '[]'::json,
                                 'due_in_seconds', webhooks.due_in_seconds(_again),
                                 'unchecked_urls', webhooks.has_unchecked_urls());
    end if;

    -- 5. an equal share for each, its oldest first; each endpoint's first row comes before any second one, so that
    -- rounding the shares up crowds no endpoint out
    _share := ceil(_batch::numeric / cardinality(_endpoints));
    select coalesce(array_agg(c.delivery_id order by c.place, c.due_at), '{}'), min(c.created_at), max(c.created_at)
    into _ids, _oldest, _newest
    from (
        select s.*
        from unnest(_endpoints, _rooms) as e (id, room)
        cross join lateral (
            select l.delivery_id, l.created_at, l.due_at, row_number() over (order by l.due_at) as place
            from (
                select q.delivery_id, q.created_at, q.due_at
                from webhooks.delivery_queue as q
                where q.webhook_config_id = e.id and q.ready
                order by q.due_at
                limit least(_share, e.room)
                for update skip locked
            ) as l
        ) as s
        order by s.place, s.due_at
        limit _batch
    ) as c;

    -- 6. what the short queues left free goes to the oldest of the others that have no limit
    if cardinality(_ids) < _batch and cardinality(_unlimited) > 0 and cardinality(_endpoints) > 1 then
        select _ids || coalesce(array_agg(f.delivery_id), '{}'), least(_oldest, min(f.created_at)), greatest(_newest, max(f.created_at))
        into _ids, _oldest, _newest
        from (
            select q.delivery_id, q.created_at
            from webhooks.delivery_queue as q
            -- "is not false", so that the planner does not use the index of ready rows to find these
            where q.ready is not false and q.delivery_id = any (array(
                select s.delivery_id
                from unnest(_unlimited, _rooms[:cardinality(_unlimited)]) as e (id, room)
                cross join lateral (
                    select q2.delivery_id, q2.due_at
                    from webhooks.delivery_queue as q2
                    where q2.webhook_config_id = e.id and q2.ready and q2.delivery_id <> all (_ids)
                    order by q2.due_at
                    -- beyond its share, which it has already got
                    limit least(_batch - cardinality(_ids), e.room - least(e.room, _share))
                ) as s
                order by s.due_at
                limit _batch - cardinality(_ids)))
            for update skip locked
        ) as f;
    end if;
    if cardinality(_ids) = 0 then
        return json_build_object('held', null, 'lease_id', null, 'endpoints', '[]'::json, 'deliveries', '[]'::json,
                                 'due_in_seconds', webhooks.due_in_seconds(_again),
                                 'unchecked_urls', webhooks.has_unchecked_urls());
    end if;
    if cardinality(_ids) = _batch or cardinality(_endpoints) = _batch then
        _again := 0;
    end if;
    _chosen := cardinality(_ids);
    _kept := webhooks.keeps_delivery_plans();
    _mode := case when _kept then 'force_generic_plan' else 'force_custom_plan' end;
    _ids := webhooks.without_expired(_ids, _endpoints);

    -- 7. no more than what the REST API and the worker can hold at once, in the order in which they are given
    if cardinality(_ids) * 262144 > _bytes then
        perform set_config('plan_cache_mode', _mode, true);
        _ids := array(
            select s.id
            from (
                select sized.id, sized.place, sum(sized.bytes) over (order by sized.place) - sized.bytes as bytes_before
                from (
                    select chosen.id, chosen.place, coalesce(d.bytes, 0) as bytes
                    from unnest(_ids) with ordinality as chosen (id, place)
                    left join (
                        select e.id,
                               -- as text, where compression may hide how long that is
                               case
                                   when pg_column_size(e.payload) < 1000 then pg_column_size(e.payload)
                                   else octet_length(e.payload::text)
                               end as bytes
                        from public.webhook_deliveries as e
                        where e.id = any (_ids) and (_kept or e.created_at between _oldest and _newest)
                        offset 0
                    ) as d on d.id = chosen.id
                ) as sized
            ) as s
            where s.bytes_before < _bytes
            order by s.place);
        perform set_config('plan_cache_mode', 'force_generic_plan', true);
    end if;

    -- 8. what the limited ones got: their tokens are spent, and an open circuit is tried by its one request
    if cardinality(_limited) > 0 then
        update public.webhook_circuits as h
        set state = case when h.state = 'open' then 'half_open' else h.state end,
            since = case when h.state = 'open' then _now else h.since end,
            tokens = r.tokens - taken.deliveries,
            -- a transaction that waited for the lock began before the one that held it
            tokens_at = case when r.tokens is not null then greatest(h.tokens_at, _now) end
        from (
            select q.webhook_config_id, count(*) as deliveries
            from webhooks.delivery_queue as q
            where q.delivery_id = any (_ids) and q.webhook_config_id = any (_limited)
            group by q.webhook_config_id
        ) as taken
        join webhooks.ready_endpoints as r on r.id = taken.webhook_config_id
        where h.webhook_config_id = taken.webhook_config_id;
    end if;

    -- 9. the lease, which outlasts an attempt of its endpoint; the status, for people; and what the worker needs
    update webhooks.delivery_queue as q
    set ready = false,
        lease_id = _lease,
        leased_at = _now,
        leased_by = worker,
        due_at = _now + make_interval(secs => greatest(coalesce(lease_seconds, 60), 1, 2 * coalesce((
            select c.timeout_seconds from public.webhook_configurations as c where c.id = q.webhook_config_id), 0)))
    where q.delivery_id = any (_ids);
    perform set_config('plan_cache_mode', _mode, true);
    with claimed as (
        update public.webhook_deliveries as d
        set status = 'processing'
        where d.id = any (_ids) and (_kept or d.created_at between _oldest and _newest) and d.status in ('pending', 'processing')
        returning d.id, d.webhook_config_id, d.event_type, d.attempts, d.payload, d.next_attempt_at
    )
    select json_agg(json_build_object(
               'id', k.id, 'endpoint_id', k.webhook_config_id, 'event_type', k.event_type, 'attempt', k.attempts + 1,
               'body', k.payload::text) order by k.next_attempt_at),
           count(*)
    into _claimed, _count
    from claimed as k;
    if _count < cardinality(_ids) then
        -- a deleted or finished delivery has no place in the queue
        delete from webhooks.delivery_queue as q
        where q.delivery_id = any (_ids) and not exists (
            select from public.webhook_deliveries as d
            where d.id = q.delivery_id and d.created_at = q.created_at and d.status = 'processing');
    end if;
    perform set_config('plan_cache_mode', 'force_generic_plan', true);
    _settings := webhooks.endpoint_settings(_endpoints, _limited);
    -- with a full batch, or when some of it had to stay or had expired, there may be more at once
    return json_build_object('held', null, 'lease_id', _lease, 'endpoints', coalesce(_settings, '[]'),
                             'deliveries', coalesce(_claimed, '[]'), 'due_in_seconds',
                             case when _again = 0 or _count < _chosen then 0 else webhooks.due_in_seconds(_again) end,
                             'unchecked_urls', webhooks.has_unchecked_urls());
end $$;
comment on function webhooks.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) is 'Behind public.claim_webhook_deliveries.';
revoke all on function webhooks.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer) to service_role;

-- schemas/deliveries/drain_requests.sql
-- As webhooks.wake_ups, for gateways that are woken by pg_net.
create sequence if not exists webhooks.drain_requests;
comment on sequence webhooks.drain_requests is 'The last second, since 1970, in which the gateway was woken. A sequence, since it is read and written outside of transactions.';
revoke all on sequence webhooks.drain_requests from public, anon, authenticated, service_role;

-- schemas/deliveries/drop_old_partitions.sql
create or replace function webhooks.drop_old_partitions(before timestamptz)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '500ms'
as $$
declare
    _table text;
    _one record;
    _rows bigint := 0;
begin
    foreach _table in array array['webhook_attempts', 'webhook_deliveries'] loop
        for _one in
            select p.name, p.begins, p.ends, p.estimated_rows
            from webhooks.partitions as p
            where p.parent = _table and p.ends <= drop_old_partitions.before
              -- a delivery that is held keeps its day, and what is finished in it goes row by row
              and not (_table = 'webhook_deliveries' and exists (
                  select from webhooks.delivery_queue as q
                  where q.created_at < p.ends and q.created_at >= coalesce(p.begins, '-infinity')))
            order by p.ends
        loop
            -- the first partition, once it is empty, stays: there must be no moment without a partition
            continue when _one.begins is null and pg_relation_size(format('webhooks.%I', _one.name)) = 0;
            execute format('lock table public.%I in access exclusive mode', _table);
            if _table = 'webhook_deliveries' then
                -- someone may have retried one while this waited for the lock
                continue when exists (
                    select from webhooks.delivery_queue as q
                    where q.created_at < _one.ends and q.created_at >= coalesce(_one.begins, '-infinity'));
                delete from webhooks.failed_deliveries as f
                where f.created_at < _one.ends and f.created_at >= coalesce(_one.begins, '-infinity');
            end if;
            execute format('drop table webhooks.%I', _one.name);
            if _one.begins is null then
                perform webhooks.make_partition(_table, _one.name, null, _one.ends);
            end if;
            _rows := _rows + greatest(_one.estimated_rows, 1);
        end loop;
        -- dropped days leave a gap before the oldest remaining one: the first partition is extended over it
        select p.name, p.ends into _one from webhooks.partitions as p where p.parent = _table and p.begins is null;
        if found and _one.ends < (select min(p.begins) from webhooks.partitions as p where p.parent = _table)
            and pg_relation_size(format('webhooks.%I', _one.name)) = 0 then
            execute format('drop table webhooks.%I', _one.name);
            perform webhooks.make_partition(_table, _one.name, null, (
                select min(p.begins) from webhooks.partitions as p where p.parent = _table));
        end if;
    end loop;
    return _rows;
end $$;
comment on function webhooks.drop_old_partitions(timestamptz) is 'Drops the days that ended before a time, if history is partitioned; returns approximately how many rows.';
revoke all on function webhooks.drop_old_partitions(timestamptz) from public, anon, authenticated, service_role;

-- schemas/deliveries/due_in_seconds.sql
create or replace function webhooks.due_in_seconds(at_most double precision)
returns double precision
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        -- due rows that were skipped are held by another transaction: retry a little later
        select least(at_most, min(greatest(0.05, extract(epoch from soonest.due_at - now()))))
        from (
            -- retries, and leases that may run out
            (select q.due_at from webhooks.delivery_queue as q where not q.ready order by q.due_at limit 1)
            union all
            -- what is ready, and waits for its endpoint's circuit, for the pause that it asked for, or for its rate limit
            select held.until
            from (
                -- by these three's indexes, not by what is ready: of endpoints that are disabled for good that may be much
                select h.webhook_config_id as id from public.webhook_circuits as h where h.open_until > now()
                union all
                select h.webhook_config_id from public.webhook_circuits as h where h.paused_until > now()
                union all
                -- the least limit, one a second, gives a token after a second
                select h.webhook_config_id from public.webhook_circuits as h where h.tokens_at >= now() - interval '1 second'
            ) as e
            -- the limit keeps it from being read the other way round, everything that is ready first
            cross join lateral (
                select from webhooks.delivery_queue as q where q.webhook_config_id = e.id and q.ready limit 1
            ) as ready
            cross join lateral (
                select greatest(
                           case when h.state = 'open' then h.open_until end,
                           h.paused_until,
                           -- a quarter of a second's, so that not each takes a claim of its own
                           case when h.tokens < 1 then h.tokens_at + make_interval(
                               secs => (greatest(1, c.rate_limit_per_second / 4) - h.tokens) / c.rate_limit_per_second) end
                       ) as until
                from public.webhook_configurations as c
                join public.webhook_circuits as h on h.webhook_config_id = c.id
                where c.id = e.id and c.is_active is not false
                limit 1
            ) as held
            where held.until > now()
        ) as soonest);
end $$;
comment on function webhooks.due_in_seconds(double precision) is 'In how many seconds more may be claimed than now, if nothing else happens; at_most, when that is sooner; null: never.';
revoke all on function webhooks.due_in_seconds(double precision) from public, anon, authenticated, service_role;

-- schemas/deliveries/duration_percentile.sql
create or replace function webhooks.duration_percentile(durations bigint[], share double precision)
returns integer
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    with entry as (
        select e.n, e.count, power(2, e.n - 1) as low, power(2, e.n) as high,
               sum(e.count) over (order by e.n) as up_to, sum(e.count) over () as total
        from unnest(durations) with ordinality as e (count, n)
    )
    -- as if those of an entry were evenly spread over it
    select round(e.low + (e.high - e.low) * (e.total * share - (e.up_to - e.count))::float8 / e.count)::integer
    from entry as e
    where e.count > 0 and e.up_to >= e.total * share
    order by e.n
    limit 1
$$;
comment on function webhooks.duration_percentile(bigint[], double precision) is 'About the milliseconds that a share of attempts took at most: their durations are counted as in webhooks.delivery_rollups.';
revoke all on function webhooks.duration_percentile(bigint[], double precision) from public, anon, authenticated, service_role;

-- schemas/deliveries/endpoints_with_due.sql
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

-- schemas/deliveries/erase_webhook_payloads.sql
create or replace function webhooks.erase_webhook_payloads(
    tenant_id text default null,
    actor text default null,
    before timestamptz default null,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
-- definer: behind public.erase_webhook_payloads, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- in the order of an index, a window and no more
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
declare
    _batch integer := least(greatest(coalesce(at_most, 1000), 1), 10000);
    _ids uuid[];
    _erased integer;
    _errors integer;
    _last record;
begin
    if num_nonnulls(erase_webhook_payloads.tenant_id, actor, before) = 0 then
        raise exception 'erase_webhook_payloads needs a tenant_id, an actor or a time before which to erase'
            using errcode = '22023', hint = 'To erase all that is finished: before => now().';
    end if;
    -- A window of the index, the oldest first; the caller comes again with "next". What is not finished yet is sent yet:
    -- it stays, and a later call finds it.
    with looked as materialized (
        select d.id, d.created_at, d.status in ('delivered', 'failed') and d.erased_at is null
               and (actor is null or d.actor_id = actor) as chosen
        from public.webhook_deliveries as d
        where (erase_webhook_payloads.tenant_id is null or d.tenant_id = erase_webhook_payloads.tenant_id)
          and (before is null or d.created_at < before)
          and (d.created_at, d.id) > (coalesce(after_created_at, '-infinity'),
                                      coalesce(after_id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit _batch
    )
    select array(select l.id from looked as l where l.chosen) as ids, count(*) as n,
           (select l.created_at from looked as l order by l.created_at desc, l.id desc limit 1) as created_at,
           (select l.id from looked as l order by l.created_at desc, l.id desc limit 1) as id
    into _last
    from looked;
    _ids := array(
        select d.id from public.webhook_deliveries as d where d.id = any (_last.ids) order by d.id for update);
    update public.webhook_deliveries as d
    set payload = '{}', response_body = null, erased_at = now()
    where d.id = any (_ids) and d.status in ('delivered', 'failed');
    get diagnostics _erased = row_count;
    update public.webhook_attempts as a
    set response_excerpt = null, response_headers = null
    where a.delivery_id = any (_ids);
    -- the first call: trigger errors are few
    if after_id is null then
        -- one row may hold the events of several tenants and users: the others' can still be sent
        update public.webhook_trigger_errors as e
        set data = k.others, message = 'erased', context = null
        from (
            select t.id, i.chosen, i.others
            from public.webhook_trigger_errors as t
            cross join lateral (
                select coalesce(bool_or(m.chosen), false) as chosen,
                       jsonb_agg(m.item order by m.place) filter (where not m.chosen) as others
                from (
                    select kept.item, kept.place, coalesce(
                               (erase_webhook_payloads.tenant_id is null
                                or kept.item ->> 'tenant' = erase_webhook_payloads.tenant_id)
                               and (actor is null or kept.item ->> 'actor' = actor or kept.item ->> 'user' = actor), false) as chosen
                    from jsonb_array_elements(
                        case jsonb_typeof(t.data) when 'array' then t.data end) with ordinality as kept (item, place)
                ) as m
            ) as i
            where before is null or t.occurred_at < before
        ) as k
        where e.id = k.id
          and (k.chosen or (num_nonnulls(erase_webhook_payloads.tenant_id, actor) = 0 and e.message <> 'erased'));
        get diagnostics _errors = row_count;
    end if;
    insert into public.webhook_admin_actions (actor_id, actor, action, details, tenant_id)
    values (webhooks.user_sub(), webhooks.actor(), 'erase_payloads',
            jsonb_strip_nulls(jsonb_build_object('actor', actor, 'before', before, 'erased', _erased, 'trigger_errors', _errors)),
            erase_webhook_payloads.tenant_id);
    return jsonb_build_object(
        'erased', _erased, 'trigger_errors', coalesce(_errors, 0),
        'next', case when _last.n = _batch then
            jsonb_build_object('after_created_at', _last.created_at, 'after_id', _last.id) end);
end $$;
comment on function webhooks.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) is 'Behind public.erase_webhook_payloads.';
revoke all on function webhooks.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid) to authenticated, service_role;

-- schemas/deliveries/expire_deliveries.sql
create or replace function webhooks.expire_deliveries(ids uuid[])
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    -- its trigger takes them out of the queue
    update public.webhook_deliveries as d
    set status = 'failed', finished_at = now(),
        error_message = 'expired: it is older than ' || c.expires_after || ', the endpoint''s expires_after'
            || coalesce('. Last attempt: ' || d.error_message, '')
    from public.webhook_configurations as c
    where d.id = any (ids) and c.id = d.webhook_config_id and d.status in ('pending', 'processing')
$$;
comment on function webhooks.expire_deliveries(uuid[]) is 'Fails deliveries that are older than their endpoint''s expires_after.';
revoke all on function webhooks.expire_deliveries(uuid[]) from public, anon, authenticated, service_role;

-- schemas/deliveries/expire_held_deliveries.sql
create or replace function webhooks.expire_held_deliveries(batch_size integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _expired uuid[];
begin
    _expired := array(
        select q.delivery_id
        from public.webhook_configurations as c
        cross join lateral (
            select q.delivery_id, q.created_at
            from webhooks.delivery_queue as q
            where q.webhook_config_id = c.id and q.lease_id is null and q.created_at <= now() - c.expires_after
            limit batch_size
            for update skip locked
        ) as q
        where c.expires_after is not null
        limit batch_size);
    perform webhooks.expire_deliveries(_expired);
    return cardinality(_expired);
end $$;
comment on function webhooks.expire_held_deliveries(integer) is 'Fails held deliveries that no claim reaches: those of endpoints that are inactive, paused or behind an open circuit.';
revoke all on function webhooks.expire_held_deliveries(integer) from public, anon, authenticated, service_role;

-- schemas/deliveries/get_webhook_delivery.sql
create or replace function webhooks.get_webhook_delivery(delivery_id uuid)
returns jsonb
language plpgsql
stable
-- definer: behind public.get_webhook_delivery, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _delivery public.webhook_deliveries;
    _lease webhooks.delivery_queue;
    _attempts jsonb;
    _timeline jsonb;
    _waits jsonb;
    -- customers learn no names of the app's staff and hosts
    _customer boolean := webhooks.is_customer();
    _hidden boolean := webhooks.hides_payloads();
begin
    select d.* into _delivery from public.webhook_deliveries as d where d.id = get_webhook_delivery.delivery_id;
    if not found then
        raise exception 'webhook delivery % does not exist', get_webhook_delivery.delivery_id
            using errcode = 'PT404', hint = 'It may have been deleted with its endpoint, or by retention.';
    end if;

    select q.* into _lease from webhooks.delivery_queue as q where q.delivery_id = _delivery.id and q.lease_id is not null;

    select webhooks.why_waiting(_delivery.status, _delivery.next_attempt_at, c, h) into _waits
    from public.webhook_configurations as c
    left join public.webhook_circuits as h on h.webhook_config_id = c.id
    where c.id = _delivery.webhook_config_id;

    select coalesce(jsonb_agg(to_jsonb(a) - 'delivery_id' - case when _hidden then '{response_excerpt,response_headers}' else '{}' end::text[] order by a.number), '[]') into _attempts
    from public.webhook_attempts as a
    where a.delivery_id = _delivery.id;

    select jsonb_agg(jsonb_build_object('at', t.at, 'kind', t.kind, 'text', t.text) order by t.at, t.place)
    into _timeline
    from (
        select _delivery.created_at as at, 0 as place, 'created' as kind, 'Dispatched as ' || _delivery.event_type as text
        union all
        select a.started_at, a.number * 2, 'attempt', 'Attempt ' || a.number || ' started'
        from public.webhook_attempts as a
        where a.delivery_id = _delivery.id
        union all
        select a.started_at + make_interval(secs => a.duration_ms / 1000.0), a.number * 2 + 1,
               case when a.delivered then 'delivered' else 'refused' end,
               'Attempt ' || a.number || case when a.delivered then ' delivered' else ' failed' end
               || coalesce(', HTTP ' || a.response_status, '') || ', after ' || a.duration_ms || ' ms'
        from public.webhook_attempts as a
        where a.delivery_id = _delivery.id
        union all
        select s.acted_at, 0, 'action', case s.action when 'retry' then 'Retried' else s.action end || case when _customer then '' else ' by ' || s.actor end
        from public.webhook_admin_actions as s
        where s.delivery_id = _delivery.id
        union all
        select coalesce(_lease.leased_at, now()), 900, 'leased', 'Claimed by a worker' || coalesce(', ' || case when not _customer then _lease.leased_by end, '')
        where _delivery.status = 'processing'
        union all
        select coalesce((_waits ->> 'until')::timestamptz, _delivery.next_attempt_at), 901, 'due',
               case
                   when _waits ->> 'reason' = 'the next attempt' then 'Next attempt is due'
                   when _waits ->> 'until' is not null then 'Next attempt at the earliest: ' || (_waits ->> 'reason')
                   when _waits ->> 'reason' like 'a %' then 'Next attempt is due; waiting for ' || (_waits ->> 'reason')
                   else 'Next attempt is due; waiting: ' || (_waits ->> 'reason')
               end
        where _delivery.status = 'pending'
        union all
        select _delivery.finished_at, 902, _delivery.status,
               case
                   when _delivery.status = 'delivered' then 'Delivered'
                   when _delivery.error_message like 'skipped by %' then 'Skipped by ' || substr(_delivery.error_message, 12)
                   else 'Failed permanently'
               end
        where _delivery.finished_at is not null
    ) as t;

    return jsonb_build_object(
        'id', _delivery.id, 'event_type', _delivery.event_type, 'status', _delivery.status,
        'attempts', _delivery.attempts, 'request_id', coalesce(_delivery.request_id, webhooks.uuid_or_null(_delivery.payload ->> 'request_id')), 'created_at', _delivery.created_at,
        'next_attempt_at', _delivery.next_attempt_at, 'last_attempt_at', _delivery.last_attempt_at,
        'finished_at', _delivery.finished_at, 'lease_expires_at', _lease.due_at,
        'leased_by', case when not _customer then _lease.leased_by end, 'response_status', _delivery.response_status,
        'response_body', case when not _hidden then _delivery.response_body end, 'error_message', _delivery.error_message,
        -- as text: a number with many digits must reach the page as it is sent, and parsers have a depth limit
        'body', case when not _hidden then _delivery.payload::text end,
        -- of old rows, which may be nested thousands of levels deep, the indentation would take megabytes
        'pretty_body', case
            when _hidden then null
            when _delivery.payload @? '$.**{101}' then _delivery.payload::text
            else jsonb_pretty(_delivery.payload)
        end,
        'endpoint', (
            select jsonb_build_object('id', c.id, 'name', c.name, 'url', c.url, 'is_active', c.is_active,
                                      'deleted_at', c.deleted_at,
                                      'max_attempts', coalesce(cardinality(c.retry_schedule) + 1, c.max_attempts))
            from public.webhook_configurations as c
            where c.id = _delivery.webhook_config_id),
        'waits_for', _waits,
        'attempt_log', _attempts,
        'timeline', _timeline);
end $$;
comment on function webhooks.get_webhook_delivery(uuid) is 'Behind public.get_webhook_delivery.';
revoke all on function webhooks.get_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.get_webhook_delivery(uuid) to authenticated, service_role;

-- schemas/deliveries/keeps_delivery_plans.sql
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

-- schemas/deliveries/make_partition.sql
create or replace function webhooks.make_partition(parent text, name text, begins timestamptz, ends timestamptz)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- with a key of its own: one of the whole table would have to contain the time
    execute format('create table webhooks.%I partition of public.%I (primary key (%s)) for values from (%s) to (%s) with (%s)',
        make_partition.name, parent,
        case parent when 'webhook_deliveries' then 'id' else 'delivery_id, number' end,
        coalesce(quote_literal(begins), 'minvalue'), coalesce(quote_literal(ends), 'maxvalue'),
        -- as the ordinary table has it
        case parent
            when 'webhook_deliveries' then
                'fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02'
            else 'fillfactor = 100'
        end);
    -- it is read through the whole table, whose policies then apply; by itself no role may read it
    execute format('alter table webhooks.%I enable row level security', make_partition.name);
    execute format('revoke all on webhooks.%I from public, anon, authenticated, service_role', make_partition.name);
    execute format('comment on table webhooks.%I is %L', make_partition.name,
        format('Partition of public.%s from %s to %s.', parent, coalesce(begins::text, 'the beginning'), coalesce(ends::text, 'the end')));
end $$;
comment on function webhooks.make_partition(text, text, timestamptz, timestamptz) is 'Creates a partition of history; without a start or an end, it is open on that side.';
revoke all on function webhooks.make_partition(text, text, timestamptz, timestamptz) from public, anon, authenticated, service_role;

-- schemas/deliveries/partitions.sql
create or replace view webhooks.partitions as
select i.parent, c.relname::text as name, c.oid as id,
       -- of the first and the last partition null
       (regexp_match(i.bound, 'FROM \(''([^'']+)'''))[1]::timestamptz as begins,
       (regexp_match(i.bound, 'TO \(''([^'']+)'''))[1]::timestamptz as ends,
       greatest(c.reltuples, 0)::bigint as estimated_rows
from (
    select p.relname::text as parent, h.inhrelid, pg_get_expr(l.relpartbound, l.oid) as bound
    from pg_inherits as h
    join pg_class as l on l.oid = h.inhrelid
    join pg_class as p on p.oid = h.inhparent
    where p.relkind = 'p' and p.relnamespace = 'public'::regnamespace
      and p.relname in ('webhook_deliveries', 'webhook_attempts')
) as i
join pg_class as c on c.oid = i.inhrelid;
comment on view webhooks.partitions is 'The partitions of history, by table; none where it is not partitioned.';
revoke all on webhooks.partitions from public, anon, authenticated, service_role;

-- schemas/deliveries/prepare_webhook_partitions.sql
create or replace function webhooks.prepare_webhook_partitions()
returns integer
language plpgsql
-- definer: behind public.prepare_webhook_partitions, which checks the caller; partitions belong to the tables' owner
security definer
set search_path = pg_catalog, pg_temp
-- a partition is a day of UTC
set timezone = 'UTC'
-- the whole table is locked for a few milliseconds; this does not wait for long reads: the next call may succeed
set lock_timeout = '500ms'
as $$
declare
    _table text;
    _later text;
    _begins timestamptz;
    _ends timestamptz;
    _moved boolean;
    _made integer := 0;
begin
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        select p.name, p.begins into _later, _begins from webhooks.partitions as p where p.parent = _table and p.ends is null;
        if not found then
            -- Not partitioned. A change to partitions that was started but not finished must not reject what comes after
            -- the moment that it foresaw.
            if exists (
                select from pg_constraint as k
                where k.conrelid = format('public.%I', _table)::regclass and k.conname = _table || '_past'
                  and (regexp_match(pg_get_constraintdef(k.oid), '< ''([^'']+)'''))[1]::timestamptz < now() + interval '1 day'
            ) then
                execute format('alter table public.%I drop constraint %I', _table, _table || '_past');
            end if;
            continue;
        end if;
        -- rarely, because of the lock
        continue when _begins >= now() + interval '3 days';
        -- more than is moved within a second or two: work for a quiet hour, as the documentation says
        if pg_relation_size(format('webhooks.%I', _later)) > 256 * 1024 * 1024
            and current_setting('webhooks.move_all', true) is distinct from 'on' then
            raise exception 'webhooks.% contains rows that belong in daily partitions', _later
                using hint = 'Call it once with the setting webhooks.move_all = on: docs/scaling.md.';
        end if;
        execute format('lock table public.%I in access exclusive mode', _table);
        execute format('select exists (select from webhooks.%I)', _later) into _moved;
        if _moved then
            execute format('create temporary table webhook_rows_to_move on commit drop as select * from webhooks.%I', _later);
        end if;
        execute format('drop table webhooks.%I', _later);
        while _begins < now() + interval '7 days' loop
            -- one partition for the time without calls
            _ends := greatest(date_trunc('day', _begins) + interval '1 day', date_trunc('day', now()));
            perform webhooks.make_partition(_table, _table || '_' || to_char(_begins, 'YYYYMMDD'), _begins, _ends);
            _begins := _ends;
            _made := _made + 1;
        end loop;
        perform webhooks.make_partition(_table, _later, _begins, null);
        if _moved then
            execute format('insert into public.%I select * from pg_temp.webhook_rows_to_move', _table);
            drop table pg_temp.webhook_rows_to_move;
        end if;
    end loop;
    return _made;
end $$;
comment on function webhooks.prepare_webhook_partitions() is 'Behind public.prepare_webhook_partitions.';
revoke all on function webhooks.prepare_webhook_partitions() from public, anon, authenticated, service_role;
grant execute on function webhooks.prepare_webhook_partitions() to service_role;

-- schemas/deliveries/purge_deliveries.sql
do $replaceable$
begin
    if to_regprocedure('webhooks.purge_deliveries(timestamptz, integer)') is null then
        execute $function$create or replace function webhooks.purge_deliveries(finished_before timestamptz, batch_size integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
-- in the order of an index, a window and no more
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    _from webhooks.cursors;
    _window integer := batch_size * 10;
    _looked integer;
    _purged integer;
    _last_at timestamptz;
    _last_id uuid;
    _dropped bigint := webhooks.drop_old_partitions(finished_before);
begin
    if _dropped > 0 then
        return least(_dropped, 2147483647);
    end if;
    -- By the time of creation, since an index on finished_at would cost every delivery. What is old and not finished is
    -- skipped, one window per call: the cursor keeps it from being read again by the next one.
    select c.* into _from from webhooks.cursors as c where c.name = 'purge' for update;
    with looked as materialized (
        select d.id, d.created_at,
               d.status in ('delivered', 'failed')
                   and coalesce(d.finished_at, d.last_attempt_at, d.created_at) < finished_before as old
        from public.webhook_deliveries as d
        where d.created_at < finished_before
          and (d.created_at, d.id) > (coalesce(_from.created_at, '-infinity'), coalesce(_from.id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit _window
    ),
    chosen as (
        select l.id, l.created_at from looked as l where l.old order by l.created_at, l.id limit batch_size
    ),
    purged as (
        -- attempts go with their deliveries
        delete from public.webhook_deliveries as d
        where d.id = any (array(select k.id from chosen as k))
          and d.created_at < finished_before
          and d.status in ('delivered', 'failed')
        returning d.id
    ),
    last as (
        select l.created_at, l.id from looked as l where (select count(*) from chosen) < batch_size
        union all
        select k.created_at, k.id from chosen as k
        order by 1 desc, 2 desc
        limit 1
    )
    select (select count(*) from looked), (select count(*) from purged), last.created_at, last.id
    into _looked, _purged, _last_at, _last_id
    from (select 1) as one
    left join last on true;
    if _looked < _window and _purged < batch_size then
        -- the end: the next call begins at the oldest again
        _last_at := null;
        _last_id := null;
    end if;
    insert into webhooks.cursors as c (name, created_at, id) values ('purge', _last_at, _last_id)
    on conflict (name) do update set created_at = excluded.created_at, id = excluded.id;
    return _purged;
end $$;
comment on function webhooks.purge_deliveries(timestamptz, integer) is 'Deletes deliveries that finished before a time, with their attempts, up to batch_size per call; 0: none among the next ten times as many. If history is partitioned, it drops whole days. Replace it to keep history elsewhere.';
$function$;
    end if;
end $replaceable$;
revoke all on function webhooks.purge_deliveries(timestamptz, integer) from public, anon, authenticated, service_role;

-- schemas/deliveries/purge_webhook_history.sql
create or replace function webhooks.purge_webhook_history(older_than interval, batch_size integer default 1000)
returns integer
language plpgsql
-- definer: behind public.purge_webhook_history, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    _before timestamptz := now() - older_than;
    _batch integer := least(greatest(coalesce(batch_size, 1000), 1), 10000);
    _purged integer;
    _more integer;
begin
    if older_than is null or older_than < interval '0' then
        raise exception 'older_than must be an interval above 0, not %', coalesce(older_than::text, 'null')
            using errcode = '22023';
    end if;
    -- first, while this holds nothing that others wait for
    perform webhooks.delete_expired_listeners();
    _purged := webhooks.purge_deliveries(_before, _batch);
    _purged := _purged + webhooks.tidy_deliveries(_batch);
    perform webhooks.expire_held_deliveries(_batch);
    -- a minute's share of the search for rows that were loaded without triggers
    perform webhooks.queue_missing_deliveries(_batch);

    -- without waiting: those who record late results lock these rows in an order of their own
    delete from webhooks.delivery_rollups as o
    where o.ctid = any (array(
        select r.ctid
        from webhooks.delivery_rollups as r
        where r.hour < _before - interval '1 hour'
        order by r.hour
        limit _batch
        for update skip locked));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    -- but the newest: a cron that has stopped is not one that was never set up
    delete from public.webhook_dispatcher_runs as r
    where r.id = any (array(
        select o.id from public.webhook_dispatcher_runs as o where o.started_at < _before order by o.started_at limit _batch))
      and r.started_at < (select max(n.started_at) from public.webhook_dispatcher_runs as n);
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    delete from public.webhook_trigger_errors as e
    where e.id = any (array(
        select o.id from public.webhook_trigger_errors as o where o.occurred_at < _before order by o.occurred_at limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    delete from webhooks.sign_in_tries as t
    where t.pair = any (array(
        select o.pair from webhooks.sign_in_tries as o where o.since < now() - interval '15 minutes' order by o.since limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    -- what servers and API tokens dispatched: as many rows as events; what people did is kept
    delete from public.webhook_admin_actions as a
    where a.id = any (array(
        select o.id from public.webhook_admin_actions as o
        where o.action = 'dispatch' and o.actor_id is null and o.acted_at < _before order by o.acted_at limit _batch));
    get diagnostics _more = row_count;
    _purged := _purged + _more;

    perform webhooks.forget_dropped_tables();

    delete from webhooks.idempotency_keys as k
    using (
        select o.scope, o.key from webhooks.idempotency_keys as o where o.created_at < _before order by o.created_at limit _batch
    ) as old
    where k.scope = old.scope and k.key = old.key;
    get diagnostics _more = row_count;
    return _purged + _more;
end $$;
comment on function webhooks.purge_webhook_history(interval, integer) is 'Behind public.purge_webhook_history.';
revoke all on function webhooks.purge_webhook_history(interval, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.purge_webhook_history(interval, integer) to service_role;

-- schemas/deliveries/queue_again.sql
create or replace function webhooks.queue_again(delivery_id uuid, webhook_config_id uuid, created_at timestamptz, due_at timestamptz)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into webhooks.delivery_queue as q (delivery_id, webhook_config_id, created_at, due_at, ready)
    values (queue_again.delivery_id, queue_again.webhook_config_id, queue_again.created_at, queue_again.due_at,
            queue_again.due_at <= now())
    on conflict on constraint delivery_queue_pkey do update
    set due_at = excluded.due_at, ready = excluded.ready, lease_id = null, leased_at = null;
    perform webhooks.wake_workers();
end $$;
comment on function webhooks.queue_again(uuid, uuid, timestamptz, timestamptz) is 'Queues a delivery for another attempt, and wakes the workers.';
revoke all on function webhooks.queue_again(uuid, uuid, timestamptz, timestamptz) from public, anon, authenticated, service_role;

-- schemas/deliveries/queue_all_missing_deliveries.sql
create or replace function webhooks.queue_all_missing_deliveries()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    while webhooks.queue_missing_deliveries(100000, '0') > 0 loop
    end loop;
end $$;
comment on function webhooks.queue_all_missing_deliveries() is 'Queues all pending deliveries that were inserted before the queue existed, or loaded without triggers.';
revoke all on function webhooks.queue_all_missing_deliveries() from public, anon, authenticated, service_role;

-- schemas/deliveries/queue_missing_deliveries.sql
create or replace function webhooks.queue_missing_deliveries(
    batch_size integer default 10000,
    older_than interval default '1 minute'
)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
-- in the order of an index, a batch and no more
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
declare
    _from webhooks.cursors;
    _looked integer;
    _queued integer;
    _last_at timestamptz;
    _last_id uuid;
begin
    select c.* into _from from webhooks.cursors as c where c.name = 'queue_missing' for update;
    with looked as materialized (
        select d.id, d.webhook_config_id, d.created_at, d.status, d.next_attempt_at
        from public.webhook_deliveries as d
        where (d.created_at, d.id) > (coalesce(_from.created_at, '-infinity'), coalesce(_from.id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit batch_size
    ),
    queued as (
        insert into webhooks.delivery_queue (delivery_id, webhook_config_id, created_at, due_at, ready)
        select l.id, l.webhook_config_id, l.created_at, l.next_attempt_at, l.next_attempt_at <= now()
        from looked as l
        where l.status in ('pending', 'processing')
          -- younger ones may be of a transaction whose trigger runs next
          and l.created_at <= now() - older_than
          -- by one snapshot: the row that another transaction deletes just now, with a new status, is still there
          and not exists (select from webhooks.delivery_queue as q where q.delivery_id = l.id)
        on conflict (delivery_id) do nothing
        returning 1
    ),
    failed as (
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        select l.id, l.webhook_config_id, l.created_at from looked as l
        where l.status = 'failed'
          and not exists (select from webhooks.failed_deliveries as f where f.delivery_id = l.id)
        on conflict (delivery_id) do nothing
    )
    select (select count(*) from looked), (select count(*) from queued), l.created_at, l.id
    into _looked, _queued, _last_at, _last_id
    from (select 1) as one
    left join (select k.created_at, k.id from looked as k order by k.created_at desc, k.id desc limit 1) as l on true;
    insert into webhooks.cursors as c (name, created_at, id)
    values ('queue_missing', case when _looked = batch_size then _last_at end, case when _looked = batch_size then _last_id end)
    on conflict (name) do update set created_at = excluded.created_at, id = excluded.id;
    if _queued > 0 then
        perform webhooks.wake_workers();
    end if;
    return case when _looked = batch_size then _looked else 0 end;
end $$;
comment on function webhooks.queue_missing_deliveries(integer, interval) is 'Queues pending deliveries that were loaded without triggers, as a restore does: reads batch_size rows per call, from where the last call ended. 0: it has reached the end, and starts over.';
revoke all on function webhooks.queue_missing_deliveries(integer, interval) from public, anon, authenticated, service_role;

-- schemas/deliveries/record_webhook_attempts.sql
create or replace function webhooks.record_webhook_attempts(results jsonb, policy jsonb default '{}')
returns json
language plpgsql
-- definer: behind public.record_webhook_attempts, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- the planner takes a list of ids for ten: nested loops over 250 rows cost 5 times as much as hashing them
set enable_nestloop = off
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_custom_plan
-- a transaction that holds one endpoint's circuit must not hold up the others' results: the worker then records by endpoint
set lock_timeout = '1s'
as $$
#variable_conflict use_column
declare
    _ids uuid[] := array(
        select distinct r.delivery_id from jsonb_to_recordset(results) as r (delivery_id uuid));
    -- if not, plans are made each time, with the times between which the rows were created
    _kept constant boolean := webhooks.keeps_delivery_plans();
    _live uuid[];
    _late uuid[];
    _endpoints uuid[];
    _oldest timestamptz;
    _newest timestamptz;
    _rest json;
    _recorded json;
begin
    -- A crash of the server may lose the results of the last half second: the leases expire, and those are delivered
    -- again. A function's own setting would end before the commit.
    perform set_config('synchronous_commit', 'off', true);
    if _kept then
        -- planning is two thirds of what recording a few results takes
        perform set_config('plan_cache_mode', 'force_generic_plan', true);
    end if;
    -- locked in one order, so that two workers' batches cannot deadlock
    select coalesce(array_agg(l.delivery_id), '{}'), array_agg(distinct l.webhook_config_id), min(l.created_at), max(l.created_at)
    into _live, _endpoints, _oldest, _newest
    from (
        select q.delivery_id, q.webhook_config_id, q.created_at
        from webhooks.delivery_queue as q
        where q.delivery_id = any (_ids)
        order by q.delivery_id
        for update
    ) as l;
    if cardinality(_live) < cardinality(_ids) then
        -- Late: these are finished or deleted. Only a success counts then, and it turns a failed delivery into a delivered
        -- one. They are locked after the others, so not in the one order: a call that would have to wait gives up (55P03),
        -- and must be repeated.
        _late := array(
            select r.delivery_id from jsonb_to_recordset(results) as r (delivery_id uuid, delivered boolean)
            where r.delivered and r.delivery_id <> all (_live));
        select coalesce(array_agg(l.id), '{}'), _endpoints || array_agg(distinct l.webhook_config_id),
               least(_oldest, min(l.created_at)), greatest(_newest, max(l.created_at))
        into _late, _endpoints, _oldest, _newest
        from (
            select d.id, d.webhook_config_id, d.created_at
            from public.webhook_deliveries as d
            where d.id = any (_late) and d.status <> 'delivered'
            for update nowait
        ) as l;
        if exists (select from webhooks.delivery_queue as q where q.delivery_id = any (_late)) then
            -- retried since the queue was locked: a claim may hold its place there, and wait for the delivery
            raise exception 'a delivery with a late result was retried just now'
                using errcode = '55P03', hint = 'Record the results again.';
        end if;
        _live := _live || _late;
        select json_agg(json_build_object(
            'delivery_id', d.id, 'status', d.status, 'accepted', false,
            'due_in_seconds', extract(epoch from d.next_attempt_at - now())::float8))
        into _rest
        from public.webhook_deliveries as d
        where d.id = any (_ids) and d.id <> all (_live);
    end if;
    -- again in one order, after the deliveries: as every batch does. A row loaded without triggers has no circuit yet.
    insert into public.webhook_circuits (webhook_config_id, since)
    select e.id, '-infinity' from unnest(_endpoints) as e (id)
    -- these alone: a hash of all circuits would be built, since there are no nested loops
    where not exists (
        select from public.webhook_circuits as h where h.webhook_config_id = any (_endpoints) and h.webhook_config_id = e.id)
    on conflict do nothing;
    perform from public.webhook_circuits as h
    where h.webhook_config_id = any (_endpoints)
    order by h.webhook_config_id
    for update;

    -- the trigger that follows people's changes leaves this one alone
    perform set_config('webhooks.recording', 'on', true);
    with current as materialized (
        select d.id, d.webhook_config_id, d.event_type, d.created_at, d.status, d.attempts, d.counted_attempts, d.deferred_since,
               d.next_attempt_at, q.lease_id, q.leased_at
        from (
            select d.* from public.webhook_deliveries as d
            where d.id = any (_live) and (_kept or d.created_at between _oldest and _newest)
        ) as d
        left join (select q.* from webhooks.delivery_queue as q where q.delivery_id = any (_live)) as q on q.delivery_id = d.id
    ),
    result as (
        -- of two results of one delivery that of the lease's holder counts, else a success
        select distinct on (r.delivery_id) r.*
        from jsonb_to_recordset(results) as r (
            delivery_id uuid, lease_id uuid, attempt integer, started_at timestamptz, duration_ms integer,
            delivered boolean, permanent boolean, health text, retry_after_seconds numeric, response_status integer,
            response_headers jsonb, response_excerpt text, error text, disable_reason text, setup boolean)
        join current as c on c.id = r.delivery_id
        order by r.delivery_id, coalesce(c.lease_id = r.lease_id, false) desc, r.delivered desc
    ),
    endpoint as materialized (
        select e.id, e.max_attempts, e.retry_schedule, e.circuit_failure_threshold, e.circuit_reset_seconds, h.*
        from (select e.* from public.webhook_configurations as e where e.id = any (_endpoints)) as e
        join (select h.* from public.webhook_circuits as h where h.webhook_config_id = any (_endpoints)) as h
            on h.webhook_config_id = e.id
    ),
    -- The lease's holder decides. A result that comes after its lease was taken back counts only if it says that the
    -- receiver has the delivery: nothing may send that again. It is an attempt of its own in the log, whatever number
    -- another attempt took meanwhile. One that comes a second time, or that is older than a delivered attempt, counts
    -- no more: if the delivery is not delivered now, someone asked for it to be sent again.
    accepted as materialized (
        select r.*, c.webhook_config_id, c.event_type, c.created_at, made.attempts as attempts_made, coalesce(made.counted, false) as counted,
               c.counted_attempts + coalesce(made.counted, false)::integer as counted_attempts,
               case when asked.deferred then coalesce(c.deferred_since, now()) else c.deferred_since end as new_deferred_since,
               least(greatest(coalesce(r.retry_after_seconds, 0), 0), 86400)::float8 as wait_seconds,
               case
                   when r.delivered then 'delivered'
                   -- what does not count does not end it either, not even an admin's retry of one that has had all
                   when r.permanent or (made.counted and c.counted_attempts + 1 >= coalesce(cardinality(e.retry_schedule) + 1, e.max_attempts)) then 'failed'
                   else 'pending'
               end as new_status,
               -- attempts that did not count wait longer each time too, but take no place of the schedule from those that do
               webhooks.retry_wait(e.retry_schedule, case when made.counted then c.counted_attempts + 1 else made.attempts end)
                   as backoff_seconds,
               -- What an attempt tells of its endpoint: one that was claimed before the circuit's last change, or whose
               -- lease is another's now, tells nothing of what came after. (Moments are compared on one clock only: the
               -- database's, or one worker's.)
               coalesce(c.lease_id = r.lease_id and c.leased_at >= e.since, false) as fresh,
               case when c.lease_id = r.lease_id and c.leased_at >= e.since then r.health end as news,
               case when c.lease_id = r.lease_id then c.leased_at end as claimed_at,
               r.started_at + make_interval(secs => r.duration_ms / 1000.0) as ended_at,
               -- of the durations in webhooks.delivery_rollups; here, so that it is computed once for each result
               width_bucket(r.duration_ms, '{2,4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072}'::integer[]) as bucket
        from result as r
        join current as c on c.id = r.delivery_id
        join endpoint as e on e.id = c.webhook_config_id
        cross join lateral (
            -- It asked to wait: logged, and for a day not counted against the limit.
            select coalesce(r.response_status = 429 or (r.response_status = 503 and r.retry_after_seconds is not null), false) as deferred
        ) as asked
        cross join lateral (
            -- a problem of the worker's setup is not the delivery's: it waits as long as its endpoint is enabled
            select r.setup is not true and (not asked.deferred or c.deferred_since < now() - interval '1 day') as counted,
                   greatest(c.attempts + 1, r.attempt) as attempts
        ) as made
        where c.lease_id = r.lease_id
           or (r.delivered and c.status <> 'delivered' and not exists (
               select from public.webhook_attempts as w
               where w.delivery_id = r.delivery_id and w.delivered and w.started_at >= r.started_at))
    ),
    logged as (
        insert into public.webhook_attempts
            (delivery_id, number, started_at, duration_ms, delivered, response_status, response_headers, response_excerpt, error,
             counted)
        select a.delivery_id, a.attempts_made, a.started_at, a.duration_ms, a.delivered, a.response_status,
               -- a worker keeps less; one that does not must not make the log grow
               case when jsonb_typeof(a.response_headers) = 'object' and octet_length(a.response_headers::text) <= 4096 then a.response_headers end,
               a.response_excerpt, a.error, a.counted
        from accepted as a
        on conflict do nothing
    ),
    -- under the lock of the endpoint's circuit, so that no other batch waits for it
    rolled as (
        insert into webhooks.delivery_rollups as o
            (hour, webhook_config_id, event_type, attempts, failed_attempts, durations)
        select date_trunc('hour', a.ended_at, 'UTC'), a.webhook_config_id, a.event_type,
               count(*), count(*) filter (where not a.delivered),
               array[
                   count(*) filter (where a.bucket = 0), count(*) filter (where a.bucket = 1), count(*) filter (where a.bucket = 2), count(*) filter (where a.bucket = 3),
                   count(*) filter (where a.bucket = 4), count(*) filter (where a.bucket = 5), count(*) filter (where a.bucket = 6), count(*) filter (where a.bucket = 7),
                   count(*) filter (where a.bucket = 8), count(*) filter (where a.bucket = 9), count(*) filter (where a.bucket = 10), count(*) filter (where a.bucket = 11),
                   count(*) filter (where a.bucket = 12), count(*) filter (where a.bucket = 13), count(*) filter (where a.bucket = 14), count(*) filter (where a.bucket = 15),
                   count(*) filter (where a.bucket = 16), count(*) filter (where a.bucket = 17)]
        from accepted as a
        group by 1, 2, 3
        on conflict (hour, webhook_config_id, event_type) do update
        set attempts = o.attempts + excluded.attempts,
            failed_attempts = o.failed_attempts + excluded.failed_attempts,
            durations = array[
                o.durations[1] + excluded.durations[1], o.durations[2] + excluded.durations[2], o.durations[3] + excluded.durations[3], o.durations[4] + excluded.durations[4],
                o.durations[5] + excluded.durations[5], o.durations[6] + excluded.durations[6], o.durations[7] + excluded.durations[7], o.durations[8] + excluded.durations[8],
                o.durations[9] + excluded.durations[9], o.durations[10] + excluded.durations[10], o.durations[11] + excluded.durations[11], o.durations[12] + excluded.durations[12],
                o.durations[13] + excluded.durations[13], o.durations[14] + excluded.durations[14], o.durations[15] + excluded.durations[15], o.durations[16] + excluded.durations[16],
                o.durations[17] + excluded.durations[17], o.durations[18] + excluded.durations[18]]
    ),
    news as (
        select a.webhook_config_id,
               count(*) filter (where a.news in ('answered', 'failed')) as attempts,
               count(*) filter (where a.news = 'failed') as failures,
               count(*) filter (where a.news = 'failed' and a.ended_at > coalesce(a.answered_at, '-infinity')) as failures_after_answer,
               bool_or(a.answered_at is not null) as answered,
               bool_or(a.delivered) as delivered,
               count(*) filter (where a.delivered and a.fresh) as successes,
               max(a.claimed_at) filter (where a.delivered) as delivered_claim_at,
               bool_or(not a.delivered and a.news is not null) as undelivered,
               -- until when it asked to wait holds whenever it was asked
               max(a.wait_seconds) as wait_seconds,
               -- a 410 from before someone enabled the endpoint does not disable it again: the next one does
               max(a.disable_reason) filter (where a.fresh) as disable_reason,
               (array_agg(a.response_status order by a.ended_at desc) filter (where not a.delivered))[1] as last_status,
               (array_agg(a.error order by a.ended_at desc) filter (where not a.delivered))[1] as last_error
        from (
            select a.*, max(a.ended_at) filter (where a.news = 'answered') over (partition by a.webhook_config_id) as answered_at
            from accepted as a
        ) as a
        group by a.webhook_config_id
    ),
    counted as (
        select e.webhook_config_id, e.state, n.answered, n.failures, n.delivered, n.undelivered, n.successes, n.wait_seconds,
               n.last_status, n.last_error, n.delivered_claim_at, e.places, e.failed_probes,
               case when n.answered then n.failures_after_answer else e.consecutive_failures + n.failures end as consecutive,
               case when fresh.window then n.attempts else e.window_attempts + n.attempts end as attempts,
               case when fresh.window then n.failures else e.window_failures + n.failures end as window_failures,
               case when fresh.window then now() else e.window_started_at end as window_started_at,
               case
                   when n.delivered then null
                   when n.undelivered and e.undelivered_at < now() - interval '2 days' then now()
                   when n.undelivered then coalesce(e.failing_since, now())
                   else e.failing_since
               end as failing_since,
               case when n.undelivered then now() else e.undelivered_at end as undelivered_at,
               coalesce(e.circuit_failure_threshold, (policy ->> 'failure_threshold')::integer, 5) as threshold,
               -- one with a schedule of its own begins with 10 s, which each failed probe doubles
               coalesce(e.circuit_reset_seconds, case when e.retry_schedule <> '{2,4}' then least(
                       coalesce((policy ->> 'reset_seconds')::float8, 300),
                       10 * power(2, case when e.state = 'half_open' then least(e.failed_probes + 1, 30) else 0 end))
                   end, (policy ->> 'reset_seconds')::float8, 300) as reset_seconds,
               n.disable_reason
        from endpoint as e
        join news as n on n.webhook_config_id = e.webhook_config_id
        cross join lateral (
            select e.window_started_at < now() - make_interval(secs => coalesce((policy ->> 'rate_window_seconds')::float8, 60)) as window
        ) as fresh
    ),
    moved as materialized (
        select c.*,
               case
                   when c.state = 'half_open' and c.answered then 'closed'
                   when c.state = 'half_open' and c.failures > 0 then 'open'
                   when c.state = 'closed' and (
                       c.consecutive >= c.threshold
                       or (c.attempts >= coalesce((policy ->> 'rate_minimum')::integer, 20)
                           and c.window_failures >= c.attempts * coalesce((policy ->> 'failure_rate')::float8, 0.5))) then 'open'
                   else c.state
               end as new_state
        from counted as c
    ),
    kept as (
        update public.webhook_circuits as h
        set state = m.new_state,
            since = case when m.new_state <> h.state then now() else h.since end,
            open_until = case
                when m.new_state = 'open' and h.state <> 'open' then now() + make_interval(secs => m.reset_seconds)
                when m.new_state = 'closed' then null
                else h.open_until
            end,
            consecutive_failures = m.consecutive,
            -- a circuit that closes begins a new window: what opened it must not open it again
            window_started_at = case when m.new_state <> h.state then now() else m.window_started_at end,
            window_attempts = case when m.new_state <> h.state then 0 else m.attempts end,
            window_failures = case when m.new_state <> h.state then 0 else m.window_failures end,
            -- after a pause or an open circuit one delivery at first, one more for each success
            places = case
                when m.new_state <> 'closed' then h.places
                when m.wait_seconds > 0 then 1
                when m.state <> 'closed' then 1 + m.successes
                when h.places + m.successes >= 50 then null
                else h.places + m.successes
            end,
            failed_probes = case
                when m.new_state = 'closed' then 0
                when m.new_state = 'open' and m.state = 'half_open' then h.failed_probes + 1
                else h.failed_probes
            end,
            last_status = case when m.undelivered then m.last_status when m.delivered then null else h.last_status end,
            last_error = case when m.undelivered then m.last_error when m.delivered then null else h.last_error end,
            failing_since = m.failing_since,
            undelivered_at = m.undelivered_at,
            -- claimed after the check, so of the same URL
            url_warning = case when m.delivered_claim_at > h.url_checked_at then null else h.url_warning end,
            paused_until = case when m.wait_seconds > 0
                then greatest(h.paused_until, now() + make_interval(secs => m.wait_seconds)) else h.paused_until end
        from moved as m
        where h.webhook_config_id = any (_endpoints) and h.webhook_config_id = m.webhook_config_id
    ),
    gone as materialized (
        select m.webhook_config_id,
               coalesce(m.disable_reason, 'no delivery has succeeded since '
                   || to_char(m.failing_since at time zone 'utc', 'YYYY-MM-DD HH24:MI') || ' UTC') as reason
        from moved as m
        where m.disable_reason is not null
           -- a result that tells nothing of the endpoint's health does not end its time either
           or m.undelivered and m.failing_since < now() - make_interval(secs => coalesce((policy ->> 'disable_after_seconds')::float8, 432000))
    ),
    disabled as (
        update public.webhook_configurations as e
        set is_active = false, disabled_at = now(), disabled_reason = g.reason
        from gone as g
        where e.id = any (array(select g.webhook_config_id from gone as g)) and e.id = g.webhook_config_id and e.is_active
    ),
    updated as (
        update public.webhook_deliveries as d
        set status = a.new_status,
            attempts = a.attempts_made,
            counted_attempts = a.counted_attempts,
            deferred_since = a.new_deferred_since,
            last_attempt_at = a.started_at,
            response_status = a.response_status,
            response_body = a.response_excerpt,
            error_message = a.error,
            finished_at = case when a.new_status <> 'pending' then now() end,
            -- a longer wait that the receiver asked for is kept
            next_attempt_at = case
                when a.new_status = 'pending' then
                    now() + make_interval(secs => greatest(a.backoff_seconds, a.wait_seconds))
                else d.next_attempt_at
            end
        from accepted as a
        where d.id = any (_live) and (_kept or d.created_at between _oldest and _newest) and d.id = a.delivery_id
        returning d.id, d.webhook_config_id, d.created_at, d.status, d.next_attempt_at
    ),
    finished as (
        delete from webhooks.delivery_queue as q
        where q.delivery_id = any (array(select u.id from updated as u where u.status <> 'pending'))
    ),
    retried as (
        update webhooks.delivery_queue as q
        set due_at = u.next_attempt_at, ready = false, lease_id = null, leased_at = null
        from updated as u
        where q.delivery_id = any (array(select u.id from updated as u where u.status = 'pending')) and q.delivery_id = u.id
    ),
    failures as (
        insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
        select u.id, u.webhook_config_id, u.created_at from updated as u where u.status = 'failed'
        on conflict do nothing
    ),
    repaired as (
        delete from webhooks.failed_deliveries as f
        where f.delivery_id = any (array(
            select u.id from updated as u join current as c on c.id = u.id where u.status = 'delivered' and c.status = 'failed'))
    )
    select json_agg(json_build_object(
        'delivery_id', c.id, 'status', coalesce(u.status, c.status), 'accepted', u.id is not null,
        'due_in_seconds', extract(epoch from coalesce(u.next_attempt_at, c.next_attempt_at) - now())::float8))
    into _recorded
    from current as c
    left join updated as u on u.id = c.id;
    perform set_config('webhooks.recording', 'off', true);
    return json_build_object('recorded', coalesce(_recorded, '[]'), 'late', coalesce(_rest, '[]'));
end $$;
comment on function webhooks.record_webhook_attempts(jsonb, jsonb) is 'Behind public.record_webhook_attempts.';
revoke all on function webhooks.record_webhook_attempts(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_webhook_attempts(jsonb, jsonb) to service_role;

-- schemas/deliveries/redacted.sql
create or replace function webhooks.redacted(payload jsonb, fields text[])
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    _field text;
    _path text[];
begin
    foreach _field in array fields loop
        _path := array['data'] || string_to_array(_field, '.');
        if payload #> _path is not null then
            payload := jsonb_set(payload, _path, '"[redacted]"');
        end if;
    end loop;
    return payload;
end $$;
comment on function webhooks.redacted(jsonb, text[]) is 'A payload with these fields of its data overwritten.';
revoke all on function webhooks.redacted(jsonb, text[]) from public, anon, authenticated, service_role;

-- schemas/deliveries/release_webhook_deliveries.sql
create or replace function webhooks.release_webhook_deliveries(leases jsonb)
returns integer
language plpgsql
-- definer: behind public.release_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _ids uuid[];
    _oldest timestamptz;
    _newest timestamptz;
begin
    -- a crash of the server may lose it: the leases then expire
    perform set_config('synchronous_commit', 'off', true);
    -- locked in one order, as when results are recorded or an endpoint is deleted
    perform from webhooks.delivery_queue as q
    where q.delivery_id = any (array(select l.delivery_id from jsonb_to_recordset(leases) as l (delivery_id uuid)))
    order by q.delivery_id
    for update;
    with released as (
        update webhooks.delivery_queue as q
        set ready = true, due_at = q.leased_at, lease_id = null, leased_at = null
        from jsonb_to_recordset(leases) as l (delivery_id uuid, lease_id uuid)
        where q.delivery_id = l.delivery_id and q.lease_id = l.lease_id
        returning q.delivery_id, q.created_at
    )
    select coalesce(array_agg(r.delivery_id), '{}'), min(r.created_at), max(r.created_at) into _ids, _oldest, _newest
    from released as r;
    update public.webhook_deliveries as d
    set status = 'pending'
    where d.id = any (_ids) and d.created_at between _oldest and _newest and d.status = 'processing';
    if cardinality(_ids) > 0 then
        perform webhooks.wake_workers();
    end if;
    return cardinality(_ids);
end $$;
comment on function webhooks.release_webhook_deliveries(jsonb) is 'Behind public.release_webhook_deliveries.';
revoke all on function webhooks.release_webhook_deliveries(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.release_webhook_deliveries(jsonb) to service_role;

-- schemas/deliveries/replay_webhook_deliveries.sql
create or replace function webhooks.replay_webhook_deliveries(
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    event_type text default null,
    status text default 'failed',
    dry_run boolean default true,
    at_most integer default 1000,
    after_created_at timestamptz default null,
    after_id uuid default null
)
returns jsonb
language plpgsql
-- definer: behind public.replay_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    -- a count of more than this is of no use before acting, and takes long
    _countable constant integer := 100000;
    _until timestamptz := coalesce(created_until, now());
    _batch integer := least(greatest(coalesce(at_most, 1000), 1), 10000);
    _matching integer;
    _replayed integer := 0;
    _last public.webhook_deliveries;
begin
    if status is null or status not in ('failed', 'delivered') then
        raise exception 'only failed or delivered deliveries can be replayed, not %', coalesce(status, 'null')
            using errcode = '22023', hint = 'Pending ones are delivered automatically.';
    end if;
    if webhook_config_id is not null and not exists (
        select from public.webhook_configurations as c
        where c.id = replay_webhook_deliveries.webhook_config_id and c.is_active
    ) then
        raise exception 'webhook endpoint % does not exist or is inactive', webhook_config_id
            using errcode = 'PT404', hint = 'Enable it first, or leave webhook_config_id out for all.';
    end if;

    -- null, which a caller may pass for an argument left out, is not yes
    if dry_run is not false then
        select count(*) into _matching
        from (
            select
            from (
                select f.delivery_id as id, f.created_at from webhooks.failed_deliveries as f
                where replay_webhook_deliveries.status = 'failed'
                union all
                select h.id, h.created_at from public.webhook_deliveries as h
                where replay_webhook_deliveries.status = 'delivered' and h.status = 'delivered'
            ) as k
            join public.webhook_deliveries as d on d.id = k.id and d.created_at = k.created_at
            join public.webhook_configurations as c on c.id = d.webhook_config_id and c.is_active
            where d.status = replay_webhook_deliveries.status and d.erased_at is null
              and (replay_webhook_deliveries.webhook_config_id is null
                   or d.webhook_config_id = replay_webhook_deliveries.webhook_config_id)
              and (replay_webhook_deliveries.event_type is null or d.event_type = replay_webhook_deliveries.event_type)
              and (created_from is null or k.created_at >= created_from)
              and k.created_at <= _until
              and (after_created_at is null or (k.created_at, k.id) > (after_created_at, after_id))
            limit _countable
        ) as bounded;
        return jsonb_build_object('matching', _matching, 'bounded', _matching = _countable, 'replayed', 0,
                                  'created_until', _until, 'next', null);
    end if;

    with chosen as (
        select d.id
        from (
            select f.delivery_id as id, f.created_at from webhooks.failed_deliveries as f
            where replay_webhook_deliveries.status = 'failed'
            union all
            select h.id, h.created_at from public.webhook_deliveries as h
            where replay_webhook_deliveries.status = 'delivered' and h.status = 'delivered'
        ) as k
        join public.webhook_deliveries as d on d.id = k.id and d.created_at = k.created_at
        join public.webhook_configurations as c on c.id = d.webhook_config_id and c.is_active
        where d.status = replay_webhook_deliveries.status and d.erased_at is null
          and (replay_webhook_deliveries.webhook_config_id is null
               or d.webhook_config_id = replay_webhook_deliveries.webhook_config_id)
          and (replay_webhook_deliveries.event_type is null or d.event_type = replay_webhook_deliveries.event_type)
          and (created_from is null or k.created_at >= created_from)
          and k.created_at <= _until
          and (after_created_at is null or (k.created_at, k.id) > (after_created_at, after_id))
        order by k.created_at, k.id
        limit _batch
        -- a row that a late result holds just now is left to it
        for update of d skip locked
    ),
    changed as (
        -- the table's trigger queues them
        update public.webhook_deliveries as d
        set status = 'pending', next_attempt_at = now(), finished_at = null
        where d.id = any (array(select k.id from chosen as k))
        returning d.id, d.created_at
    ),
    counted as (
        select count(*) as n from changed
    )
    select n.n, k.created_at, k.id into _replayed, _last.created_at, _last.id
    from counted as n
    left join lateral (
        select h.created_at, h.id from changed as h order by h.created_at desc, h.id desc limit 1
    ) as k on true;
    perform webhooks.log_action('replay', webhook_config_id, null, jsonb_strip_nulls(jsonb_build_object(
        'created_from', created_from, 'created_until', _until, 'event_type', event_type, 'status', status,
        'replayed', _replayed)));
    return jsonb_build_object(
        'matching', null, 'bounded', _replayed = _batch, 'replayed', _replayed, 'created_until', _until,
        'next', case when _replayed = _batch then
            jsonb_build_object('after_created_at', _last.created_at, 'after_id', _last.id) end);
end $$;
comment on function webhooks.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) is 'Behind public.replay_webhook_deliveries.';
revoke all on function webhooks.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid) to authenticated, service_role;

-- schemas/deliveries/request_drain.sql
-- The wake-up of a gateway without workers: a request by pg_net, which sends it once the transaction has committed. Only
-- where webhooks.wake_by_request asked for it. A gateway looks again a second later, for what this leaves out.
create or replace function webhooks.request_drain()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _gateway text;
    _drain integer;
    _token text;
    _second integer := floor(extract(epoch from clock_timestamp()))::bigint % 2147483648;
begin
    select i.gateway_url, i.drain_seconds into _gateway, _drain
    from webhooks.installation as i
    where i.gateway_url is not null and i.held_for is null;
    if not found
        -- a later one, where this transaction waited for its turn; a minute later, and the clock was set back
        or (select r.last_value from webhooks.drain_requests as r) between _second and _second + 60
        -- one request a transaction, however long it lasts: all are sent at its end
        or current_setting('webhooks.drain_requested', true) = 'on'
        -- of several transactions in the same second, one gets the lock; one that gets it afterwards checks again
        or not pg_try_advisory_xact_lock(hashtext('webhooks.drain_requests'), _second)
        or (select r.last_value from webhooks.drain_requests as r) between _second and _second + 60
    then
        return;
    end if;
    perform setval('webhooks.drain_requests', _second);
    perform set_config('webhooks.drain_requested', 'on', true);
    begin
        -- dynamic SQL: neither extension may exist
        execute 'select s.decrypted_secret from vault.decrypted_secrets as s where s.name = $1'
        into strict _token
        using 'webhooks_dispatch_token';
        execute 'select net.http_post(url := $1, body := ''{}'', headers := $2, timeout_milliseconds := $3)'
        using _gateway || '/functions/v1/webhook-dispatcher?heartbeat=false' || coalesce('&drain=' || _drain, ''),
              jsonb_build_object('Content-Type', 'application/json', 'Authorization', 'Bearer ' || _token),
              -- longer than the drain
              (coalesce(_drain, 5) + 5) * 1000;
    exception when others then
        -- it must not fail the user's change; the cron finds the deliveries
        raise warning 'the gateway was not woken: %', sqlerrm using hint = 'webhooks doctor says why.';
    end;
end $$;
comment on function webhooks.request_drain() is 'Wakes the gateway by pg_net, at most once a second, where webhooks.wake_by_request asked for it.';
revoke all on function webhooks.request_drain() from public, anon, authenticated, service_role;

-- schemas/deliveries/retry_wait.sql
create or replace function webhooks.retry_wait(retry_schedule integer[], attempts integer)
returns double precision
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        -- the plain row's: 2^n seconds after attempt n, at most 60; what does not count may come to 2^1024, an error
        when retry_schedule is null then least(60, power(2, least(attempts, 6)))
        -- the preset quick says the same
        when retry_schedule = '{2,4}' then retry_schedule[least(attempts, 2)]
        -- a fifth of it more or less, so that what failed together does not come back together
        else retry_schedule[greatest(least(attempts, cardinality(retry_schedule)), 1)] * (0.8 + 0.4 * random())
    end;
end $$;
comment on function webhooks.retry_wait(integer[], integer) is 'Seconds to wait after an attempt, by the endpoint''s retry_schedule.';
revoke all on function webhooks.retry_wait(integer[], integer) from public, anon, authenticated, service_role;

-- schemas/deliveries/retry_webhook_deliveries.sql
create or replace function webhooks.retry_webhook_deliveries(
    delivery_ids uuid[] default null,
    webhook_config_id uuid default null,
    at_most integer default 1000
)
returns jsonb
language plpgsql
-- definer: behind public.retry_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _batch integer := least(greatest(coalesce(at_most, 1000), 1), 10000);
    _ids uuid[];
    _queued uuid[];
    _retried integer;
begin
    if (delivery_ids is null) = (retry_webhook_deliveries.webhook_config_id is null) then
        raise exception 'give either delivery_ids or webhook_config_id'
            using errcode = '22023', hint = 'Pass a selection, or the endpoint whose waiting deliveries to retry.';
    end if;
    if cardinality(delivery_ids) > 1000 then
        raise exception 'at most 1,000 deliveries can be retried by one call, not %', cardinality(delivery_ids)
            using errcode = '22023', hint = 'Use replay_webhook_deliveries for more.';
    end if;
    if retry_webhook_deliveries.webhook_config_id is not null and not exists (
        select from public.webhook_configurations as c
        where c.id = retry_webhook_deliveries.webhook_config_id and c.is_active
    ) then
        raise exception 'webhook endpoint % does not exist or is inactive', retry_webhook_deliveries.webhook_config_id
            using errcode = 'PT404', hint = 'Enable it: its pending deliveries then go out automatically.';
    end if;
    -- the queue first, as when results are recorded
    if delivery_ids is not null then
        _queued := array(
            select q.delivery_id from webhooks.delivery_queue as q
            where q.delivery_id = any (delivery_ids)
            order by q.delivery_id
            for update);
        -- one that another admin retried just now is due already, and a claim may hold its place in the queue
        _ids := array(
            select d.id from public.webhook_deliveries as d
            where d.id = any (delivery_ids) and d.erased_at is null
              and (d.status in ('delivered', 'failed') or d.id = any (_queued))
            order by d.id
            for update);
    else
        _ids := array(
            select q.delivery_id from webhooks.delivery_queue as q
            where q.webhook_config_id = retry_webhook_deliveries.webhook_config_id and not q.ready and q.lease_id is null
            order by q.delivery_id
            limit _batch
            for update);
    end if;
    -- its trigger queues them
    update public.webhook_deliveries as d
    set status = 'pending', next_attempt_at = now(), finished_at = null
    from public.webhook_configurations as c
    where d.id = any (_ids) and d.status <> 'processing' and c.id = d.webhook_config_id and c.is_active;
    get diagnostics _retried = row_count;
    perform webhooks.log_action('retry_many', retry_webhook_deliveries.webhook_config_id, null,
        jsonb_build_object('retried', _retried, 'delivery_ids', to_jsonb(delivery_ids)));
    return jsonb_build_object('retried', _retried, 'more', delivery_ids is null and cardinality(_ids) = _batch);
end $$;
comment on function webhooks.retry_webhook_deliveries(uuid[], uuid, integer) is 'Behind public.retry_webhook_deliveries.';
revoke all on function webhooks.retry_webhook_deliveries(uuid[], uuid, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.retry_webhook_deliveries(uuid[], uuid, integer) to authenticated, service_role;

-- schemas/deliveries/retry_webhook_delivery.sql
create or replace function webhooks.retry_webhook_delivery(delivery_id uuid)
returns jsonb
language plpgsql
-- definer: behind public.retry_webhook_delivery, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _delivery public.webhook_deliveries;
    _endpoint public.webhook_configurations;
    _queued boolean;
begin
    -- the queue first, as when results are recorded
    perform from webhooks.delivery_queue as q where q.delivery_id = retry_webhook_delivery.delivery_id for update;
    _queued := found;
    select d.* into _delivery
    from public.webhook_deliveries as d
    where d.id = retry_webhook_delivery.delivery_id
    for update;
    if not found then
        raise exception 'webhook delivery % does not exist', retry_webhook_delivery.delivery_id
            using errcode = 'PT404', hint = 'The deliveries are in the table public.webhook_deliveries.';
    end if;
    select c.* into _endpoint from public.webhook_configurations as c where c.id = _delivery.webhook_config_id;
    if _endpoint.deleted_at is not null then
        raise exception 'webhook endpoint "%" was deleted', _endpoint.name
            using errcode = '22023', hint = 'Its history can be read. To deliver there again, create an endpoint and dispatch the event.';
    end if;
    if not _endpoint.is_active then
        raise exception 'webhook endpoint "%" is inactive', _endpoint.name
            using errcode = '22023', hint = 'Enable it: its pending deliveries then go out automatically.';
    end if;
    if _delivery.status = 'processing' then
        raise exception 'webhook delivery % is in progress', _delivery.id
            using errcode = '22023', hint = 'Wait for its result.';
    end if;
    -- the attempts stay: this one continues their numbers, and after it the delivery is delivered or failed again
    -- its trigger queues it
    update public.webhook_deliveries as d
    set status = 'pending', next_attempt_at = now(), finished_at = null
    where d.id = _delivery.id
      -- one that another admin retried just now is due already, and a claim may hold its place in the queue
      and (_queued or d.status <> 'pending');
    perform webhooks.log_action('retry', _delivery.webhook_config_id, _delivery.id,
        jsonb_build_object('status', _delivery.status, 'attempts', _delivery.attempts));
    return jsonb_build_object('delivery_id', _delivery.id, 'status', 'pending', 'attempts', _delivery.attempts);
end $$;
comment on function webhooks.retry_webhook_delivery(uuid) is 'Behind public.retry_webhook_delivery.';
revoke all on function webhooks.retry_webhook_delivery(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.retry_webhook_delivery(uuid) to authenticated, service_role;

-- schemas/deliveries/search_webhook_deliveries.sql
create or replace function webhooks.search_webhook_deliveries(
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    created_from timestamptz default null,
    created_until timestamptz default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    before_created_at timestamptz default null,
    before_id uuid default null,
    page_size integer default 50,
    response_status integer default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
stable
-- definer: behind public.search_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- planned for the filters that are given: the others vanish from the plan
set plan_cache_mode = force_custom_plan
-- in the order of an index, so that a page reads no more than a page
set enable_hashjoin = off
set enable_mergejoin = off
-- switched off below where it must not be; named here, it comes back with the function's end
set enable_sort = on
set enable_seqscan = off
set max_parallel_workers_per_gather = 0
set jit = off
as $$
declare
    -- Event type, status and payload are looked for in this many rows at a time; a page that finds too few of them says
    -- where to go on. So the rarest search costs no more than the commonest.
    _scanned constant integer := 20000;
    _size integer := least(greatest(coalesce(page_size, 50), 1), 500);
    _path text[] := string_to_array(nullif(trim(payload_path), ''), '.');
    _before timestamptz := coalesce(before_created_at, 'infinity');
    _before_id uuid := coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    -- a tenant's deliveries by its own index, those that failed too; not those to the app's own endpoints
    _endpoints uuid[] := case when search_webhook_deliveries.tenant_id is not null then array(
        select c.id from public.webhook_configurations as c where c.tenant_id = search_webhook_deliveries.tenant_id) end;
    _failed constant boolean := coalesce(search_webhook_deliveries.status = 'failed', false)
        and search_webhook_deliveries.tenant_id is null;
    _rows jsonb;
    _next jsonb;
    _searched timestamptz;
begin
    if status is not null and status not in ('pending', 'processing', 'delivered', 'failed', 'unfinished') then
        raise exception 'unknown delivery status %', status
            using errcode = '22023', hint = 'pending, processing, delivered, failed, or unfinished for the first two.';
    end if;

    perform webhooks.check_payload_search(payload_path);
    if _failed then
        -- a table that is not analyzed seems small enough to sort
        perform set_config('enable_sort', 'off', true);
    end if;
    select jsonb_agg(
        jsonb_build_object(
            'id', p.id, 'webhook_config_id', p.webhook_config_id, 'endpoint', c.name, 'endpoint_deleted', c.deleted_at is not null, 'event_type', p.event_type,
            'status', p.status, 'attempts', p.attempts, 'max_attempts', coalesce(cardinality(c.retry_schedule) + 1, c.max_attempts), 'request_id', p.request_id,
            'created_at', p.created_at, 'next_attempt_at', p.next_attempt_at, 'last_attempt_at', p.last_attempt_at,
            'finished_at', p.finished_at, 'response_status', p.response_status, 'error_message', p.error_message,
            'duration_ms', (
                select a.duration_ms
                from public.webhook_attempts as a
                -- by a worker's clock: the margin forgives it, and leaves out older partitions
                where a.delivery_id = p.id and a.started_at > p.created_at - interval '1 hour'
                order by a.number desc
                limit 1),
            'waits_for', webhooks.why_waiting(p.status, p.next_attempt_at, c, h))
        order by p.created_at desc, p.id desc)
    into _rows
    from (
        select d.*
        from (
            (
                select s.*
                from public.webhook_deliveries as s
                where not _failed
                  and (_endpoints is null or s.tenant_id = search_webhook_deliveries.tenant_id and s.webhook_config_id = any (_endpoints))
                  and (s.created_at, s.id) < (_before, _before_id)
                  and (created_from is null or s.created_at >= created_from)
                  and (created_until is null or s.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or s.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by s.created_at desc, s.id desc
                limit _scanned
            )
            union all
            (
                select s.*
                from webhooks.failed_deliveries as f
                join public.webhook_deliveries as s on s.id = f.delivery_id and s.created_at = f.created_at
                where _failed
                  and (f.created_at, f.delivery_id) < (_before, _before_id)
                  and (created_from is null or f.created_at >= created_from)
                  and (created_until is null or f.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or f.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by f.created_at desc, f.delivery_id desc
                limit _scanned
            )
        ) as d
        where (search_webhook_deliveries.event_type is null or d.event_type = search_webhook_deliveries.event_type)
          and (search_webhook_deliveries.status is null
               or d.status = search_webhook_deliveries.status
               or (search_webhook_deliveries.status = 'unfinished' and d.status in ('pending', 'processing')))
          and (search_webhook_deliveries.response_status is null or d.response_status = search_webhook_deliveries.response_status)
          and (_path is null or d.payload #>> _path = payload_value
               or (payload_value is null and d.payload #> _path is not null))
        order by d.created_at desc, d.id desc
        limit _size + 1
    ) as p
    join public.webhook_configurations as c on c.id = p.webhook_config_id
    left join public.webhook_circuits as h on h.webhook_config_id = p.webhook_config_id;
    _rows := coalesce(_rows, '[]');

    if jsonb_array_length(_rows) > _size then
        _rows := _rows - _size;
        _next := jsonb_build_object('before_created_at', _rows -> -1 -> 'created_at', 'before_id', _rows -> -1 -> 'id');
    else
        -- the last row that was looked at, unless all were
        select s.created_at, jsonb_build_object('before_created_at', s.created_at, 'before_id', s.id)
        into _searched, _next
        from (
            (
                select s.created_at, s.id
                from public.webhook_deliveries as s
                where not _failed
                  and (_endpoints is null or s.tenant_id = search_webhook_deliveries.tenant_id and s.webhook_config_id = any (_endpoints))
                  and (s.created_at, s.id) < (_before, _before_id)
                  and (created_from is null or s.created_at >= created_from)
                  and (created_until is null or s.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or s.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by s.created_at desc, s.id desc
                offset _scanned - 1 limit 1
            )
            union all
            (
                select s.created_at, s.id
                from webhooks.failed_deliveries as f
                join public.webhook_deliveries as s on s.id = f.delivery_id and s.created_at = f.created_at
                where _failed
                  and (f.created_at, f.delivery_id) < (_before, _before_id)
                  and (created_from is null or f.created_at >= created_from)
                  and (created_until is null or f.created_at <= created_until)
                  and (search_webhook_deliveries.request_id is null or s.request_id = search_webhook_deliveries.request_id)
                  and (search_webhook_deliveries.webhook_config_id is null
                       or f.webhook_config_id = search_webhook_deliveries.webhook_config_id)
                order by f.created_at desc, f.delivery_id desc
                offset _scanned - 1 limit 1
            )
        ) as s;
    end if;
    return jsonb_build_object('deliveries', _rows, 'next', _next, 'searched_until', _searched);
end $$;
comment on function webhooks.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) is 'Behind public.search_webhook_deliveries.';
revoke all on function webhooks.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text) to authenticated, service_role;

-- schemas/deliveries/skip_webhook_deliveries.sql
create or replace function webhooks.skip_webhook_deliveries(delivery_ids uuid[])
returns jsonb
language plpgsql
-- definer: behind public.skip_webhook_deliveries, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _queued uuid[];
    _skipped integer;
begin
    if coalesce(cardinality(delivery_ids), 0) not between 1 and 1000 then
        raise exception '1 to 1,000 deliveries can be skipped by one call, not %', coalesce(cardinality(delivery_ids), 0)
            using errcode = '22023', hint = 'Pass their ids as delivery_ids.';
    end if;
    -- the queue first, as when results are recorded; one that a worker is sending cannot be skipped
    _queued := array(
        select q.delivery_id from webhooks.delivery_queue as q
        where q.delivery_id = any (delivery_ids) and q.lease_id is null
        order by q.delivery_id
        for update);
    -- its trigger takes them out of the queue
    update public.webhook_deliveries as d
    set status = 'failed',
        -- customers read it
        error_message = 'skipped by ' || case when d.tenant_id is not null then 'an admin' else coalesce(webhooks.user_claims() ->> 'email', webhooks.user_sub(), webhooks.caller()) end
    where d.id = any (_queued) and d.status = 'pending';
    get diagnostics _skipped = row_count;
    perform webhooks.log_action('skip_many', null, null,
        jsonb_build_object('skipped', _skipped, 'delivery_ids', to_jsonb(delivery_ids)));
    return jsonb_build_object('skipped', _skipped);
end $$;
comment on function webhooks.skip_webhook_deliveries(uuid[]) is 'Behind public.skip_webhook_deliveries.';
revoke all on function webhooks.skip_webhook_deliveries(uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.skip_webhook_deliveries(uuid[]) to authenticated, service_role;

-- schemas/deliveries/tidy_deliveries.sql
create or replace function webhooks.tidy_deliveries(batch_size integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
-- in the order of an index, a window and no more
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    _from webhooks.cursors;
    _old uuid[];
    _open uuid[];
    _looked integer;
    _last_at timestamptz;
    _last_id uuid;
    _done integer := 0;
    _more integer;
begin
    -- a tenant's by its own index; the queue is not concerned: these are finished
    delete from public.webhook_deliveries as d
    where d.id = any (array(
        select o.id
        from public.webhook_tenant_limits as l
        cross join lateral (
            select k.id
            from public.webhook_deliveries as k
            where k.tenant_id = l.tenant_id and k.created_at < now() - l.keep_for
              and k.status in ('delivered', 'failed') and k.finished_at < now() - l.keep_for
            order by k.created_at desc, k.id desc
            limit batch_size
        ) as o
        where l.keep_for is not null and l.tenant_id <> ''
        limit batch_size))
      -- looked at again, once a retry that holds the row has committed
      and d.status in ('delivered', 'failed');
    get diagnostics _done = row_count;

    if not exists (select from public.webhook_event_types as t where t.keep_for is not null or t.redact is not null) then
        return _done;
    end if;
    -- by type there is no index, which would cost every delivery: a window at a time, from the cursor on
    select c.* into _from from webhooks.cursors as c where c.name = 'tidy' for update;
    with looked as materialized (
        select d.id, d.created_at, d.event_type, d.status, d.finished_at, d.erased_at
        from public.webhook_deliveries as d
        where (d.created_at, d.id) > (coalesce(_from.created_at, '-infinity'), coalesce(_from.id, '00000000-0000-0000-0000-000000000000'))
        order by d.created_at, d.id
        limit batch_size
    )
    select array_agg(l.id) filter (where l.status in ('delivered', 'failed') and l.finished_at < now() - t.keep_for),
           array_agg(l.id) filter (where l.status = 'delivered' and l.erased_at is null and t.redact is not null),
           count(*), (array_agg(l.created_at order by l.created_at desc, l.id desc))[1],
           (array_agg(l.id order by l.created_at desc, l.id desc))[1]
    into _old, _open, _looked, _last_at, _last_id
    from looked as l
    left join public.webhook_event_types as t on t.name = l.event_type;
    delete from public.webhook_deliveries as d where d.id = any (_old) and d.status in ('delivered', 'failed');
    get diagnostics _more = row_count;
    _done := _done + _more;
    update public.webhook_deliveries as d
    set payload = webhooks.redacted(d.payload, t.redact), erased_at = now()
    from public.webhook_event_types as t
    where d.id = any (_open) and d.status = 'delivered' and t.name = d.event_type
      -- what has none of the fields is as it was sent, and can be sent again
      and webhooks.redacted(d.payload, t.redact) <> d.payload;
    get diagnostics _more = row_count;
    if _looked < batch_size then
        -- the end: the next call begins at the oldest again
        _last_at := null;
        _last_id := null;
    end if;
    insert into webhooks.cursors as c (name, created_at, id) values ('tidy', _last_at, _last_id)
    on conflict (name) do update set created_at = excluded.created_at, id = excluded.id;
    return _done + _more;
end $$;
comment on function webhooks.tidy_deliveries(integer) is 'Deletes finished deliveries whose tenant or event type has a shorter time than the others, and redacts delivered ones; how many. A window of batch_size per call.';
revoke all on function webhooks.tidy_deliveries(integer) from public, anon, authenticated, service_role;

-- schemas/deliveries/under_way.sql
create or replace function webhooks.under_way(endpoint uuid, since timestamptz, at_most integer)
returns integer
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select count(*)
        from (
            select
            from webhooks.delivery_queue as q
            where q.webhook_config_id = endpoint and q.lease_id is not null and q.leased_at >= since
            limit at_most
        ) as bounded);
end $$;
comment on function webhooks.under_way(uuid, timestamptz, integer) is 'How many of an endpoint''s deliveries were claimed since a time and have no result yet, counted up to at_most.';
revoke all on function webhooks.under_way(uuid, timestamptz, integer) from public, anon, authenticated, service_role;

-- schemas/deliveries/waiting_for.sql
create or replace function webhooks.waiting_for(endpoint uuid, at_most integer)
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select count(*)
    from (
        select from webhooks.delivery_queue as q where q.webhook_config_id = endpoint and q.ready
        union all
        select from webhooks.delivery_queue as q where q.webhook_config_id = endpoint and not q.ready and q.lease_id is null
        limit at_most
    ) as bounded
$$;
comment on function webhooks.waiting_for(uuid, integer) is 'How many of an endpoint''s deliveries are pending, counted up to at_most.';
revoke all on function webhooks.waiting_for(uuid, integer) from public, anon, authenticated, service_role;

-- schemas/deliveries/wake_by_request.sql
-- For the database's owner, in the SQL editor.
create or replace function webhooks.wake_by_request(gateway_url text, drain_seconds integer default 20)
returns text
language plpgsql
-- invoker, and for the owner alone: it says where the dispatch token is sent
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _problem text := webhooks.wake_up_problem();
begin
    if wake_by_request.gateway_url is null then
        update webhooks.installation as i set gateway_url = null, drain_seconds = null;
        return 'the database does not wake a gateway';
    end if;
    if wake_by_request.gateway_url !~ '^https://[^/?#@[:space:]]+(/[^?#@[:space:]]*)?$' then
        raise exception 'gateway_url must be the gateway''s address, such as https://gateway.example.com'
            using errcode = '22023', hint = 'Without the function''s path, a query or a password. https is required, since the dispatch token is sent there.';
    end if;
    if wake_by_request.drain_seconds not between 3 and 900 then
        raise exception 'drain_seconds must be between 3 and 900' using errcode = '22023', hint = 'Use null if workers with a broker deliver.';
    end if;
    if _problem is not null then
        raise exception '%', _problem using errcode = '55000';
    end if;
    insert into webhooks.installation as i (gateway_url, drain_seconds)
    values (rtrim(wake_by_request.gateway_url, '/'), wake_by_request.drain_seconds)
    on conflict (only_row) do update set gateway_url = excluded.gateway_url, drain_seconds = excluded.drain_seconds;
    return 'new deliveries wake ' || rtrim(wake_by_request.gateway_url, '/');
end $$;
comment on function webhooks.wake_by_request(text, integer) is 'Makes new deliveries wake the gateway through pg_net, at most once a second, with the dispatch token from Vault. drain_seconds: how long it delivers in that request; null: it wakes workers. A null address turns it off. For the owner of the database.';
revoke all on function webhooks.wake_by_request(text, integer) from public, anon, authenticated, service_role;

-- schemas/deliveries/wake_up_problem.sql
create or replace function webhooks.wake_up_problem()
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _there boolean;
begin
    if to_regclass('net.http_request_queue') is null then
        return 'pg_net is not enabled: enable it under Database > Extensions';
    end if;
    if to_regclass('vault.decrypted_secrets') is null then
        return 'Vault is not enabled: enable supabase_vault under Database > Extensions';
    end if;
    execute 'select exists (select from vault.decrypted_secrets as s where s.name = $1)'
    into _there
    using 'webhooks_dispatch_token';
    if not _there then
        return 'Vault has no secret webhooks_dispatch_token: select vault.create_secret(''<WEBHOOKS_DISPATCH_TOKEN>'', ''webhooks_dispatch_token'')';
    end if;
    return null;
end $$;
comment on function webhooks.wake_up_problem() is 'What prevents the database from waking a gateway through pg_net, and how to fix it; null: nothing.';
revoke all on function webhooks.wake_up_problem() from public, anon, authenticated, service_role;

-- schemas/deliveries/wake_workers.sql
create or replace function webhooks.wake_workers()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _now bigint := floor(extract(epoch from clock_timestamp()) * 1000);
    _quiet_until bigint;
    _locked boolean := false;
begin
    -- most gateways have workers: this look costs less than the call
    if exists (select from webhooks.installation as i where i.gateway_url is not null) then
        perform webhooks.request_drain();
    end if;
    loop
        _quiet_until := (select w.last_value from webhooks.wake_ups as w);
        -- a moment that is a minute away is of a clock that was set back
        exit when abs(_quiet_until) <= _now or abs(_quiet_until) > _now + 60000;
        if _locked then
            return;
        end if;
        -- Until this transaction's end it tells the next claim ("whquiet!" in ASCII) that there is something to wait
        -- for. An earlier claim has ended the quiet first, so check again.
        _locked := pg_try_advisory_xact_lock_shared(8604251837184701473);
        exit when not _locked;
    end loop;
    -- a worker that listens claims at least twice a minute
    if _quiet_until < _now - 120000 then
        perform setval('webhooks.wake_ups', -_now - 1000);
    end if;
    perform pg_notify('webhook_deliveries', '');
end $$;
comment on function webhooks.wake_workers() is 'Notifies the channel webhook_deliveries at commit, unless a worker has announced that it looks again soon; wakes the gateway if configured.';
revoke all on function webhooks.wake_workers() from public, anon, authenticated, service_role;

-- schemas/deliveries/webhook_delivery_overview.sql
-- For Supabase Studio: deliveries with what is worth knowing about each, in reading order.

create or replace view public.webhook_delivery_overview
-- the caller's row level security, not the owner's
with (security_invoker = true)
as
select d.created_at,
       d.event_type as event,
       c.name as endpoint,
       case
           when d.status <> 'pending' then d.status
           when c.deleted_at is not null then 'held: endpoint deleted'
           when not c.is_active then 'held: endpoint inactive'
           when h.state = 'open' then 'held: circuit open'
           when h.paused_until > now() then 'held: endpoint asked to wait'
           when d.attempts > 0 then 'retrying'
           else d.status
       end as status,
       d.attempts || ' of ' || coalesce(cardinality(c.retry_schedule) + 1, c.max_attempts) as attempts,
       case when d.status = 'pending' then d.next_attempt_at end as next_attempt_at,
       d.response_status,
       d.error_message,
       d.last_attempt_at,
       (select a.duration_ms from public.webhook_attempts as a
        where a.delivery_id = d.id and a.number = d.attempts
        order by a.started_at desc limit 1) as last_duration_ms,
       d.finished_at,
       d.payload -> 'data' as data,
       d.request_id,
       d.id as delivery_id,
       d.webhook_config_id
from public.webhook_deliveries as d
join public.webhook_configurations as c on c.id = d.webhook_config_id
left join public.webhook_circuits as h on h.webhook_config_id = c.id
order by d.created_at desc, d.id desc;
comment on view public.webhook_delivery_overview is 'Deliveries, newest first: event, endpoint, status and last response. Row level security applies.';
comment on column public.webhook_delivery_overview.event is 'The event type.';
comment on column public.webhook_delivery_overview.endpoint is 'The name of the endpoint.';
comment on column public.webhook_delivery_overview.status is 'pending, retrying, processing, delivered, failed, or held with the reason.';
comment on column public.webhook_delivery_overview.attempts is 'Attempts made, of those the endpoint allows.';
comment on column public.webhook_delivery_overview.next_attempt_at is 'When a pending row is due.';
comment on column public.webhook_delivery_overview.response_status is 'HTTP status of the last attempt.';
comment on column public.webhook_delivery_overview.error_message is 'Why the last attempt failed; empty once delivered.';
comment on column public.webhook_delivery_overview.last_duration_ms is 'How long the last attempt took, in milliseconds.';
comment on column public.webhook_delivery_overview.data is 'The event''s own data; the whole payload is in webhook_deliveries.';
comment on column public.webhook_delivery_overview.request_id is 'The event: the same for every endpoint that receives it.';
comment on column public.webhook_delivery_overview.delivery_id is 'The id of the row in webhook_deliveries.';
comment on column public.webhook_delivery_overview.webhook_config_id is 'The id of the endpoint.';
revoke all on public.webhook_delivery_overview from public, anon, authenticated, service_role;
grant select on public.webhook_delivery_overview to authenticated, service_role;

-- schemas/deliveries/webhook_traceparents.sql
create or replace function webhooks.webhook_traceparents(delivery_ids uuid[])
returns jsonb
language sql
stable
-- definer: behind public.webhook_traceparents, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_object_agg(d.id, d.traceparent), '{}')
    from public.webhook_deliveries as d
    where d.id = any (delivery_ids) and d.traceparent is not null
$$;
comment on function webhooks.webhook_traceparents(uuid[]) is 'Behind public.webhook_traceparents.';
revoke all on function webhooks.webhook_traceparents(uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_traceparents(uuid[]) to service_role;

-- schemas/deliveries/why_waiting.sql
create or replace function webhooks.why_waiting(
    status text,
    next_attempt_at timestamptz,
    endpoint public.webhook_configurations,
    circuit public.webhook_circuits
)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when why_waiting.status <> 'pending' then null
        when endpoint.deleted_at is not null then jsonb_build_object('reason', 'the endpoint was deleted', 'until', null)
        when not endpoint.is_active then jsonb_build_object(
            'reason', case
                when endpoint.disabled_at is null then 'the endpoint is paused'
                else 'the endpoint is disabled: ' || coalesce(endpoint.disabled_reason, 'no reason given')
            end, 'until', null)
        when endpoint.url like 'listen:%' then jsonb_build_object('reason', '`webhooks listen`', 'until', null)
        when circuit.state = 'open' and circuit.open_until > now() then jsonb_build_object(
            'reason', 'the endpoint is failing, and its circuit is open', 'until', circuit.open_until)
        when circuit.paused_until > now() then jsonb_build_object(
            'reason', 'the endpoint asked to wait (Retry-After)', 'until', circuit.paused_until)
        when circuit.state <> 'closed' then jsonb_build_object(
            'reason', 'one request is testing whether the endpoint has recovered', 'until', null)
        when why_waiting.next_attempt_at > now() then jsonb_build_object('reason', 'the next attempt', 'until', why_waiting.next_attempt_at)
        when circuit.places is not null then jsonb_build_object(
            'reason', 'the endpoint is ramping up after an outage, ' || circuit.places || ' at once', 'until', null)
        when endpoint.rate_limit_per_second is not null or endpoint.max_concurrency is not null then jsonb_build_object(
            'reason', 'a place within the endpoint''s limits', 'until', null)
        else jsonb_build_object('reason', 'a worker', 'until', null)
    end
$$;
comment on function webhooks.why_waiting(text, timestamptz, public.webhook_configurations, public.webhook_circuits) is 'What a pending delivery is waiting for, and until when, if known: {"reason", "until"}. Null for others.';
revoke all on function webhooks.why_waiting(text, timestamptz, public.webhook_configurations, public.webhook_circuits) from public, anon, authenticated, service_role;

-- schemas/deliveries/without_expired.sql
create or replace function webhooks.without_expired(ids uuid[], endpoints uuid[])
returns uuid[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _expired uuid[];
begin
    -- few endpoints have such a limit
    if not exists (
        select from public.webhook_configurations as c where c.id = any (endpoints) and c.expires_after is not null
    ) then
        return ids;
    end if;
    _expired := array(
        select q.delivery_id
        from webhooks.delivery_queue as q
        join public.webhook_configurations as c on c.id = q.webhook_config_id
        where q.delivery_id = any (ids) and q.created_at + c.expires_after <= now());
    perform webhooks.expire_deliveries(_expired);
    return array(
        select i.id from unnest(ids) with ordinality as i (id, place) where i.id <> all (_expired) order by i.place);
end $$;
comment on function webhooks.without_expired(uuid[], uuid[]) is 'The given deliveries without those that are older than their endpoint''s expires_after, which fail.';
revoke all on function webhooks.without_expired(uuid[], uuid[]) from public, anon, authenticated, service_role;

-- schemas/endpoints/apply_endpoint_changes.sql
create or replace function webhooks.apply_endpoint_changes(
    endpoint public.webhook_configurations,
    changes jsonb
)
returns public.webhook_configurations
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _unknown text;
    _changed public.webhook_configurations;
begin
    if jsonb_typeof(changes) is distinct from 'object' then
        raise exception 'an endpoint''s settings must be a JSON object' using errcode = '22023';
    end if;
    select string_agg(k.key, ', ') into _unknown
    from jsonb_object_keys(changes) as k (key)
    where k.key not in ('name', 'url', 'events', 'is_active', 'max_attempts', 'rate_limit_per_second', 'max_concurrency',
        'timeout_seconds', 'headers', 'circuit_failure_threshold', 'circuit_reset_seconds', 'credentials_profile',
        'retry_schedule', 'expires_after', 'managed_by');
    if _unknown is not null then
        raise exception 'unknown endpoint setting %', _unknown
            using errcode = '22023', hint = 'The system creates secrets: use rotate_webhook_secret.';
    end if;
    _changed := jsonb_populate_record(endpoint, case
        when jsonb_typeof(changes -> 'retry_schedule') = 'string' then
            changes || jsonb_build_object('retry_schedule', to_jsonb(webhooks.retry_preset(changes ->> 'retry_schedule')))
        else changes
    end);
    if trim(coalesce(_changed.name, '')) = '' or length(_changed.name) > 200 then
        raise exception 'an endpoint needs a name of at most 200 characters' using errcode = '22023';
    end if;
    if length(_changed.managed_by) not between 1 and 200 then
        raise exception 'webhook endpoint "%": managed_by must have 1 to 200 characters', _changed.name using errcode = '22023';
    end if;
    if _changed.url is null or length(_changed.url) > 2000 then
        raise exception 'webhook endpoint "%" needs a URL of at most 2000 characters', _changed.name
            using errcode = '22023', hint = 'Example: https://example.com/webhooks.';
    end if;
    if _changed.events is null or _changed.is_active is null then
        raise exception 'webhook endpoint "%": events and is_active may not be null', _changed.name using errcode = '22023';
    end if;
    if _changed.max_attempts not between 1 and 20 or _changed.max_attempts is null
        or _changed.rate_limit_per_second not between 1 and 100000
        or _changed.max_concurrency not between 1 and 10000
        or _changed.timeout_seconds not between 0.1 and 120
        or _changed.circuit_failure_threshold not between 1 and 10000
        or _changed.circuit_reset_seconds not between 1 and 86400
    then
        -- not left to the table's checks: their errors would carry the whole row into logs, secret included
        raise exception 'webhook endpoint "%": a number is out of its bounds', _changed.name
            using errcode = '22023', hint = 'max_attempts 1 to 20, rate_limit_per_second 1 to 100000, max_concurrency 1 to 10000, timeout_seconds 0.1 to 120, circuit_failure_threshold 1 to 10000, circuit_reset_seconds 1 to 86400.';
    end if;
    if cardinality(_changed.retry_schedule) > 19 or array_position(_changed.retry_schedule, null) is not null
        or not (0 <= all (_changed.retry_schedule) and 604800 >= all (_changed.retry_schedule)) then
        raise exception 'webhook endpoint "%": retry_schedule is not a list of at most 19 waits of 0 to 604800 seconds', _changed.name
            using errcode = '22023', hint = 'For example [5, 300, 1800], or "standard" or "quick"; null for max_attempts.';
    end if;
    -- one of a million years would lead to times before the first that Postgres knows, in a statement for all endpoints
    if _changed.expires_after <= interval '0' or _changed.expires_after > interval '10 years' then
        raise exception 'webhook endpoint "%": expires_after must be above 0, and at most 10 years', _changed.name
            using errcode = '22023', hint = 'For example "3 days"; null for never.';
    end if;
    return _changed;
end $$;
comment on function webhooks.apply_endpoint_changes(public.webhook_configurations, jsonb) is 'An endpoint with changes applied, or an error that names what is wrong with them.';
revoke all on function webhooks.apply_endpoint_changes(public.webhook_configurations, jsonb) from public, anon, authenticated, service_role;

-- schemas/endpoints/check_tenant.sql
create or replace function webhooks.check_tenant(new public.webhook_configurations, old public.webhook_configurations)
returns public.webhook_configurations
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _limits public.webhook_tenant_limits;
    _others integer;
    _taken bigint;
    _rate integer;
begin
    if length(new.tenant_id) not between 1 and 255 then
        raise exception 'webhook endpoint "%": a tenant_id has 1 to 255 characters', new.name
            using errcode = '22023', hint = 'null: the endpoint is the app''s own.';
    end if;
    -- the history would go along, to people who may not read it
    if old.tenant_id <> coalesce(new.tenant_id, '') then
        raise exception 'webhook endpoint "%" belongs to a tenant, which cannot change', new.name
            using errcode = '22023', hint = 'Delete it, and create one for the other tenant.';
    end if;
    if new.tenant_id is null or new.deleted_at is not null then
        return new;
    end if;
    _limits := webhooks.limits_of_tenant(new.tenant_id);
    if new.url is distinct from old.url and split_part(new.url, ':', 1) <> all (_limits.schemes) then
        raise exception 'webhook endpoint "%": the URL of a tenant''s endpoint must begin with %', new.name,
            (select string_agg(s || '://', ' or ' order by s) from unnest(_limits.schemes) as s)
            using errcode = '22023', hint = 'Example: https://example.com/webhooks.';
    end if;
    if nullif(new.credentials_profile, '') is not null then
        raise exception 'webhook endpoint "%": a tenant''s endpoint has no credentials_profile: the profiles are the app''s own', new.name
            using errcode = '22023', hint = 'Leave credentials_profile out.';
    end if;
    -- two at once must not both be the last one
    perform pg_advisory_xact_lock(hashtextextended('webhooks.tenant:' || new.tenant_id, 0));
    select count(*), coalesce(sum(c.rate_limit_per_second), 0) into _others, _taken
    from public.webhook_configurations as c
    where c.tenant_id = new.tenant_id and c.id <> new.id and c.deleted_at is null;
    if old.tenant_id is null and _others >= _limits.endpoints then
        raise exception 'the tenant "%" has % endpoints, which is its limit', new.tenant_id, _others
            using errcode = '22023', hint = 'Delete one that is not needed.';
    end if;
    if new.rate_limit_per_second is null then
        _rate := greatest(_limits.deliveries_per_second / greatest(_limits.endpoints, 1), 1);
        new.rate_limit_per_second := greatest(least(_rate, _limits.deliveries_per_second - _taken), 1);
    elsif new.rate_limit_per_second is distinct from old.rate_limit_per_second
        and new.rate_limit_per_second > _limits.deliveries_per_second - _taken then
        raise exception 'webhook endpoint "%": the endpoints of the tenant "%" can have % deliveries a second together, and the others have %',
            new.name, new.tenant_id, _limits.deliveries_per_second, _taken
            using errcode = '22023', hint = 'Lower rate_limit_per_second here or there.';
    end if;
    return new;
end $$;
comment on function webhooks.check_tenant(public.webhook_configurations, public.webhook_configurations) is 'An endpoint within the limits of its tenant, or an error that names the limit.';
revoke all on function webhooks.check_tenant(public.webhook_configurations, public.webhook_configurations) from public, anon, authenticated, service_role;

-- schemas/endpoints/claim_webhook_url_checks.sql
create or replace function webhooks.claim_webhook_url_checks(
    how_many integer default 10,
    lease_seconds double precision default 60,
    project text default null
)
returns jsonb
language plpgsql
-- definer: behind public.claim_webhook_url_checks, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _claimed jsonb;
begin
    -- a copy of a database connects to no receiver
    if webhooks.hold_for(claim_webhook_url_checks.project) is not null then
        return '[]';
    end if;
    with due as materialized (
        select h.webhook_config_id as id, c.url, c.credentials_profile,
               c.tenant_id is not null and not (webhooks.limits_of_tenant(c.tenant_id)).private_networks as public_only
        from public.webhook_circuits as h
        join public.webhook_configurations as c on c.id = h.webhook_config_id
        where h.url_check_at <= now() and c.deleted_at is null
        order by h.url_check_at
        limit least(greatest(coalesce(how_many, 10), 1), 100)
        -- one that is locked can wait
        for update of h skip locked
    ),
    leased as (
        update public.webhook_circuits as h
        set url_check_at = now() + make_interval(secs => greatest(coalesce(lease_seconds, 60), 1))
        from due
        where h.webhook_config_id = due.id
    )
    select coalesce(jsonb_agg(to_jsonb(due)), '[]') into _claimed from due;
    return _claimed;
end $$;
comment on function webhooks.claim_webhook_url_checks(integer, double precision, text) is 'Behind public.claim_webhook_url_checks.';
revoke all on function webhooks.claim_webhook_url_checks(integer, double precision, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.claim_webhook_url_checks(integer, double precision, text) to service_role;

-- schemas/endpoints/create_webhook_endpoint.sql
create or replace function webhooks.create_webhook_endpoint(settings jsonb)
returns jsonb
language plpgsql
-- definer: behind public.create_webhook_endpoint, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _new public.webhook_configurations;
    _own jsonb := case when jsonb_typeof(settings) = 'object' then settings - 'tenant_id' else settings end;
begin
    _new := webhooks.apply_endpoint_changes(
        jsonb_populate_record(null::public.webhook_configurations, '{"is_active": true, "max_attempts": 3}'),
        -- retry for days by default
        case when settings ? 'retry_schedule' or settings ? 'max_attempts' then _own
        else _own || '{"retry_schedule": "standard"}' end);
    _new.tenant_id := settings ->> 'tenant_id';
    _new.id := gen_random_uuid();
    _new.secret_key := webhooks.generate_secret();
    insert into public.webhook_configurations
        (id, name, url, events, secret_key, is_active, created_by, max_attempts, rate_limit_per_second, max_concurrency,
         timeout_seconds, headers, circuit_failure_threshold, circuit_reset_seconds, credentials_profile,
         retry_schedule, expires_after, managed_by, tenant_id)
    values (_new.id, _new.name, _new.url, _new.events, _new.secret_key, _new.is_active,
            webhooks.user_id(), _new.max_attempts, _new.rate_limit_per_second,
            _new.max_concurrency, _new.timeout_seconds, _new.headers, _new.circuit_failure_threshold,
            _new.circuit_reset_seconds, nullif(_new.credentials_profile, ''), _new.retry_schedule, _new.expires_after,
            _new.managed_by, _new.tenant_id);
    perform webhooks.log_action('create_endpoint', _new.id, null, webhooks.without_header_values(settings));
    return jsonb_build_object('id', _new.id, 'secret_key', _new.secret_key);
end $$;
comment on function webhooks.create_webhook_endpoint(jsonb) is 'Behind public.create_webhook_endpoint.';
revoke all on function webhooks.create_webhook_endpoint(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.create_webhook_endpoint(jsonb) to authenticated, service_role;

-- schemas/endpoints/delete_webhook_endpoint.sql
create or replace function webhooks.delete_webhook_endpoint(webhook_config_id uuid, keep_history boolean default false)
returns jsonb
language plpgsql
-- definer: behind public.delete_webhook_endpoint, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- a second or so of locks, on a database that is busy
    _batch constant integer := 5000;
    _endpoint public.webhook_configurations;
    _ids uuid[];
    _queued uuid[];
    _left integer;
    _done integer;
begin
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = delete_webhook_endpoint.webhook_config_id;
    if not found then
        raise exception 'webhook endpoint % does not exist', delete_webhook_endpoint.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    -- 1. Disable it, and nothing else: once this has committed, nothing new is claimed, and no result that is recorded
    -- wants the endpoint's row, so that what follows waits for others but never in a circle.
    if _endpoint.is_active then
        update public.webhook_configurations as c set is_active = false where c.id = _endpoint.id;
        perform webhooks.log_action('update_endpoint', _endpoint.id, null, '{"is_active": false}');
        return jsonb_build_object('id', _endpoint.id, 'deliveries', 0, 'more', true);
    end if;
    -- 2. its deliveries: the queue first and in the order of ids, as when results are recorded
    _ids := case
        when keep_history then array(
            select q.delivery_id from webhooks.delivery_queue as q
            where q.webhook_config_id = _endpoint.id
            order by q.delivery_id limit _batch)
        else array(
            select d.id from public.webhook_deliveries as d
            where d.webhook_config_id = _endpoint.id
            order by d.created_at desc, d.id desc limit _batch)
    end;
    _left := cardinality(_ids);
    _queued := array(
        select q.delivery_id from webhooks.delivery_queue as q
        where q.delivery_id = any (_ids)
        order by q.delivery_id
        for update);
    -- one that was queued just now is left to the next call: a claim may hold its place in the queue already
    _ids := array(
        select d.id from public.webhook_deliveries as d
        where d.id = any (_ids) and (d.status in ('delivered', 'failed') or d.id = any (_queued))
        order by d.id
        for update);
    _left := _left - cardinality(_ids);
    if keep_history then
        -- what will not be sent any more has failed; its trigger removes it from the queue
        update public.webhook_deliveries as d
        set status = 'failed', error_message = 'the endpoint was deleted'
        where d.id = any (_ids) and d.status in ('pending', 'processing');
    else
        -- attempts and the queue's rows go with them
        delete from public.webhook_deliveries as d where d.id = any (_ids);
    end if;
    get diagnostics _done = row_count;
    if cardinality(_ids) = _batch or _left > 0 then
        return jsonb_build_object('id', _endpoint.id, 'deliveries', _done, 'more', true);
    end if;
    -- 3. the endpoint, with its circuit and its secrets; the circuit first, as when results are recorded
    perform from public.webhook_circuits as h where h.webhook_config_id = _endpoint.id for update;
    if keep_history then
        update public.webhook_configurations as c
        set deleted_at = coalesce(c.deleted_at, now())
        where c.id = _endpoint.id and not c.is_active;
    else
        delete from public.webhook_configurations as c where c.id = _endpoint.id and not c.is_active;
    end if;
    if not found then
        -- someone enabled it in the meantime
        return jsonb_build_object('id', _endpoint.id, 'deliveries', _done, 'more', true);
    end if;
    if not keep_history then
        delete from webhooks.delivery_rollups as o where o.webhook_config_id = _endpoint.id;
    end if;
    perform webhooks.log_action('delete_endpoint', _endpoint.id, null, jsonb_build_object('keep_history', keep_history));
    return jsonb_build_object('id', _endpoint.id, 'deliveries', _done, 'more', false);
end $$;
comment on function webhooks.delete_webhook_endpoint(uuid, boolean) is 'Behind public.delete_webhook_endpoint.';
revoke all on function webhooks.delete_webhook_endpoint(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function webhooks.delete_webhook_endpoint(uuid, boolean) to authenticated, service_role;

-- schemas/endpoints/end_webhook_secret_overlap.sql
create or replace function webhooks.end_webhook_secret_overlap(webhook_config_id uuid)
returns jsonb
language plpgsql
-- definer: behind public.end_webhook_secret_overlap, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _ended integer;
begin
    if not exists (select from public.webhook_configurations as c where c.id = end_webhook_secret_overlap.webhook_config_id) then
        raise exception 'webhook endpoint % does not exist', end_webhook_secret_overlap.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    delete from webhooks.previous_secrets as p where p.webhook_config_id = end_webhook_secret_overlap.webhook_config_id;
    get diagnostics _ended = row_count;
    perform webhooks.log_action('end_secret_overlap', end_webhook_secret_overlap.webhook_config_id, null,
        jsonb_build_object('ended', _ended));
    return jsonb_build_object('id', end_webhook_secret_overlap.webhook_config_id, 'ended', _ended);
end $$;
comment on function webhooks.end_webhook_secret_overlap(uuid) is 'Behind public.end_webhook_secret_overlap.';
revoke all on function webhooks.end_webhook_secret_overlap(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.end_webhook_secret_overlap(uuid) to authenticated, service_role;

-- schemas/endpoints/endpoint_health.sql
create or replace function webhooks.endpoint_health(
    endpoint public.webhook_configurations,
    circuit public.webhook_circuits
)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with figures as (
        select o.*
        from webhooks.delivery_rollups as o
        where o.webhook_config_id = endpoint.id
          and o.hour > date_trunc('hour', now(), 'UTC') - interval '24 hours'
    ),
    hours as (
        select jsonb_agg(coalesce(f.delivered, 0) order by s.hour) as delivered,
               jsonb_agg(coalesce(f.failed, 0) order by s.hour) as failed
        from generate_series(date_trunc('hour', now(), 'UTC') - interval '23 hours', now(), interval '1 hour') as s (hour)
        left join (
            select o.hour, sum(o.attempts - o.failed_attempts) as delivered, sum(o.failed_attempts) as failed
            from figures as o
            group by o.hour
        ) as f on f.hour = s.hour
    ),
    totals as (
        select coalesce(sum(o.attempts), 0) as attempts, coalesce(sum(o.failed_attempts), 0) as failed
        from figures as o
    )
    select jsonb_build_object(
        'status', s.status,
        'since', case s.status
            when 'failing' then coalesce(circuit.failing_since, circuit.since)
            when 'disabled' then endpoint.disabled_at
        end,
        'reason', case s.status
            when 'failing' then coalesce(circuit.last_error, 'the receiver returned ' || circuit.last_status)
            when 'disabled' then endpoint.disabled_reason
        end,
        'attempts', t.attempts,
        'failed_attempts', t.failed,
        -- 100 is all of them, not nearly all
        'success_percent', trunc(100.0 * (t.attempts - t.failed) / nullif(t.attempts, 0), 1),
        'p50_ms', webhooks.duration_percentile(d.durations, 0.5),
        'p95_ms', webhooks.duration_percentile(d.durations, 0.95),
        'delivered_by_hour', h.delivered,
        'failed_by_hour', h.failed)
    from (select webhooks.endpoint_status(endpoint, circuit) as status) as s
    cross join hours as h
    cross join totals as t
    cross join (
        select array_agg(c.count order by c.n) as durations
        from (
            select e.n, sum(e.count)::bigint as count
            from figures as o, unnest(o.durations) with ordinality as e (count, n)
            group by e.n
        ) as c
    ) as d
$$;
comment on function webhooks.endpoint_health(public.webhook_configurations, public.webhook_circuits) is 'An endpoint''s health: its status, since when and why, and the attempts of the last 24 hours, each hour by the clock, the oldest first.';
revoke all on function webhooks.endpoint_health(public.webhook_configurations, public.webhook_circuits) from public, anon, authenticated, service_role;

-- schemas/endpoints/endpoint_settings.sql
create or replace function webhooks.endpoint_settings(ids uuid[], limited uuid[])
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'id', c.id,
            'url', c.url,
            'secrets', case
                -- few endpoints have more than one
                when exists (select from webhooks.previous_secrets as p where p.webhook_config_id = c.id)
                    then webhooks.live_secrets(c.id)
                when s.secret_key is not null then jsonb_build_array(s.secret_key)
            end,
            'credentials_profile', nullif(c.credentials_profile, ''),
            'timeout_seconds', c.timeout_seconds,
            'headers', s.headers,
            'circuit_failure_threshold', c.circuit_failure_threshold,
            'circuit', coalesce(h.state, 'closed'),
            'limited', c.id = any (limited),
            'public_only', case
                when c.tenant_id is not null and not (webhooks.limits_of_tenant(c.tenant_id)).private_networks then true
            end)))
        from public.webhook_configurations as c
        left join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id
        left join public.webhook_circuits as h on h.webhook_config_id = c.id
        where c.id = any (ids));
end $$;
comment on function webhooks.endpoint_settings(uuid[], uuid[]) is 'What a worker needs to know about endpoints, and which of them have limits; null without any. A missing key means: use the worker''s setting.';
revoke all on function webhooks.endpoint_settings(uuid[], uuid[]) from public, anon, authenticated, service_role;

-- schemas/endpoints/endpoint_status.sql
create or replace function webhooks.endpoint_status(
    endpoint public.webhook_configurations,
    circuit public.webhook_circuits
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when not endpoint.is_active and endpoint.disabled_at is not null then 'disabled'
        when not endpoint.is_active then 'paused'
        -- a row loaded without triggers has no circuit yet
        when coalesce(circuit.state, 'closed') <> 'closed' or circuit.failing_since is not null then 'failing'
        else 'healthy'
    end
$$;
comment on function webhooks.endpoint_status(public.webhook_configurations, public.webhook_circuits) is 'An endpoint''s health in one word: healthy; failing: its circuit is not closed, or nothing was delivered since failures began; paused: a person stopped it; disabled: the system did.';
revoke all on function webhooks.endpoint_status(public.webhook_configurations, public.webhook_circuits) from public, anon, authenticated, service_role;

-- schemas/endpoints/generate_secret.sql
create or replace function webhooks.generate_secret()
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    -- (encode() breaks lines after 76 characters; these are 44)
    select 'whsec_' || encode(webhooks.random_key(), 'base64')
$$;
comment on function webhooks.generate_secret() is 'A new secret: whsec_ and 32 random bytes in base64, as Standard Webhooks has it.';
revoke all on function webhooks.generate_secret() from public, anon, authenticated, service_role;

-- schemas/endpoints/has_unchecked_urls.sql
create or replace function webhooks.has_unchecked_urls()
returns boolean
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (
        select from public.webhook_circuits as h
        join public.webhook_configurations as c on c.id = h.webhook_config_id
        where h.url_check_at <= now() and c.deleted_at is null);
end $$;
comment on function webhooks.has_unchecked_urls() is 'Whether the URL of an endpoint is to be checked: each claim says so, so that workers need not ask.';
revoke all on function webhooks.has_unchecked_urls() from public, anon, authenticated, service_role;

-- schemas/endpoints/headers_problem.sql
create or replace function webhooks.headers_problem(headers jsonb, scheme text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when headers is null then null
        when jsonb_typeof(headers) <> 'object' then 'must be an object such as {"X-Team": "events"}'
        -- SQS takes ten attributes: six of ours, and a trace
        when scheme = 'sqs' and (select count(*) from jsonb_object_keys(headers)) > 3 then 'SQS accepts at most 3'
        -- servers commonly reject a head of more than 8 KB
        when (select count(*) > 50 or sum(octet_length(h.key) + octet_length(h.value)) > 4096
              from jsonb_each_text(headers) as h (key, value)) then 'at most 50 are allowed, with 4096 bytes in total'
        else (
            select string_agg(p.problem, '; ' order by p.problem)
            from (
                select case
                    -- RFC 9110, section 5.6.2: a field name is a token
                    -- not repeated: an invalid name often contains the value
                    when h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]+$' then 'a header name is invalid; example: X-Team'
                    when count(*) over (partition by lower(h.key)) > 1 then format('%L appears twice', h.key)
                    when scheme = 'sqs' and h.key !~ '^(?![Aa][Ww][Ss]\.|[Aa][Mm][Aa][Zz][Oo][Nn]\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$'
                        then format('%L is not a valid name of an SQS attribute', h.key)
                    when scheme = 'pubsub' and h.key ~* '^goog' then format('%L is reserved by Google', h.key)
                    when lower(h.key) ~ '^(webhook-.*|x-webhook-signature|content-type|content-length|content-encoding|host|connection|transfer-encoding|te|trailer|upgrade|expect|user-agent)$' then
                        format('%L is set by the system', h.key)
                    when jsonb_typeof(h.value) <> 'string' then format('%L must be text', h.key)
                    when h.value #>> '{}' !~ '^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$' then
                        format('the value of %L must be printable ASCII', h.key)
                    when scheme = 'pubsub' and length(h.value #>> '{}') > 1024 then format('the value of %L is too long', h.key)
                end as problem
                from jsonb_each(headers) as h (key, value)
            ) as p)
    end
$$;
comment on function webhooks.headers_problem(jsonb, text) is 'Why an endpoint''s extra headers cannot be sent by its protocol, or null. Contains no value.';
revoke all on function webhooks.headers_problem(jsonb, text) from public, anon, authenticated, service_role;

-- schemas/endpoints/limits_of_tenant.sql
create or replace function webhooks.limits_of_tenant(tenant_id text)
returns public.webhook_tenant_limits
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _limits public.webhook_tenant_limits;
begin
    select limits_of_tenant.tenant_id,
           coalesce(o.endpoints, d.endpoints),
           coalesce(o.deliveries_per_second, d.deliveries_per_second),
           coalesce(o.schemes, d.schemes),
           coalesce(o.private_networks, d.private_networks),
           o.keep_for
    into _limits
    -- without its row of defaults, the shipped ones
    from (
        select coalesce(g.endpoints, 20) as endpoints, coalesce(g.deliveries_per_second, 100) as deliveries_per_second,
               coalesce(g.schemes, '{https}') as schemes, coalesce(g.private_networks, false) as private_networks
        from (select) as one
        left join public.webhook_tenant_limits as g on g.tenant_id = ''
    ) as d
    left join public.webhook_tenant_limits as o on o.tenant_id = limits_of_tenant.tenant_id;
    return _limits;
end $$;
comment on function webhooks.limits_of_tenant(text) is 'The limits of a tenant: its own, else the defaults.';
revoke all on function webhooks.limits_of_tenant(text) from public, anon, authenticated, service_role;

-- schemas/endpoints/list_webhook_endpoints.sql
create or replace function webhooks.list_webhook_endpoints(
    webhook_config_id uuid default null,
    after_name text default null,
    after_id uuid default null,
    page_size integer default 200,
    tenant_id text default null,
    search text default null
)
returns jsonb
language plpgsql
stable
-- definer: behind public.list_webhook_endpoints, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
begin
    return (
        with page as (
            select c.*, c as endpoint
            from public.webhook_configurations as c
            where c.deleted_at is null
              and (list_webhook_endpoints.webhook_config_id is null or c.id = list_webhook_endpoints.webhook_config_id)
              and (list_webhook_endpoints.tenant_id is null or c.tenant_id = list_webhook_endpoints.tenant_id)
              -- row by row in the order of names, until the page is full
              and (list_webhook_endpoints.search is null
                  or strpos(lower(c.name), lower(list_webhook_endpoints.search)) > 0
                  or strpos(lower(c.url), lower(list_webhook_endpoints.search)) > 0)
              and (after_name is null or (c.name, c.id) > (after_name, after_id))
            order by c.name, c.id
            limit least(greatest(page_size, 1), 500)
        ),
        last_hour as (
            select d.webhook_config_id,
                   count(*) as total,
                   count(*) filter (where d.status = 'delivered') as delivered,
                   count(*) filter (where d.status = 'failed') as failed,
                   count(*) filter (where d.status in ('pending', 'processing')) as pending
            from public.webhook_deliveries as d
            where d.created_at > now() - interval '1 hour'
              and (coalesce(list_webhook_endpoints.tenant_id, list_webhook_endpoints.webhook_config_id::text) is null
                   or d.webhook_config_id = any (array(select p.id from page as p)))
            group by d.webhook_config_id
        )
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'id', c.id, 'name', c.name, 'url', c.url, 'events', c.events, 'is_active', c.is_active,
                'max_attempts', c.max_attempts, 'rate_limit_per_second', c.rate_limit_per_second,
                'max_concurrency', c.max_concurrency, 'timeout_seconds', c.timeout_seconds,
                'circuit_failure_threshold', c.circuit_failure_threshold,
                'circuit_reset_seconds', c.circuit_reset_seconds, 'credentials_profile', c.credentials_profile,
                'retry_schedule', c.retry_schedule, 'expires_after', c.expires_after::text,
                'managed_by', c.managed_by, 'tenant_id', c.tenant_id, 'created_at', c.created_at, 'updated_at', c.updated_at,
                'disabled_at', c.disabled_at, 'disabled_reason', c.disabled_reason,
                'url_checked_at', h.url_checked_at, 'url_warning', h.url_warning,
                'has_secret', coalesce(e.secret_key is not null, false),
                'previous_secret_until', (
                    select max(p.expires_at) from webhooks.previous_secrets as p
                    where p.webhook_config_id = c.id and p.expires_at > now()),
                'header_names', (
                    select coalesce(jsonb_agg(h.name order by h.name), '[]')
                    from jsonb_object_keys(coalesce(e.headers, '{}')) as h (name)),
                'health', webhooks.endpoint_health(c.endpoint, h),
                'circuit', jsonb_build_object(
                    'state', coalesce(h.state, 'closed'), 'since', h.since, 'open_until', h.open_until,
                    'consecutive_failures', coalesce(h.consecutive_failures, 0), 'failing_since', h.failing_since,
                    'paused_until', case when h.paused_until > now() then h.paused_until end),
                -- counted up to 10,000: a backlog of millions must not slow the page
                'waiting', webhooks.waiting_for(c.id, 10000),
                'last_hour', jsonb_build_object(
                    'total', coalesce(l.total, 0), 'delivered', coalesce(l.delivered, 0),
                    'failed', coalesce(l.failed, 0), 'pending', coalesce(l.pending, 0)))
            order by c.name, c.id), '[]')
        from page as c
        left join webhooks.endpoint_secrets as e on e.webhook_config_id = c.id
        left join public.webhook_circuits as h on h.webhook_config_id = c.id
        left join last_hour as l on l.webhook_config_id = c.id);
end $$;
comment on function webhooks.list_webhook_endpoints(uuid, text, uuid, integer, text, text) is 'Behind public.list_webhook_endpoints.';
revoke all on function webhooks.list_webhook_endpoints(uuid, text, uuid, integer, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.list_webhook_endpoints(uuid, text, uuid, integer, text, text) to authenticated, service_role;

-- schemas/endpoints/list_webhook_secrets.sql
create or replace function webhooks.list_webhook_secrets()
returns jsonb
language sql
stable
-- definer: behind public.list_webhook_secrets, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    -- one value, whatever their number: the REST API would cut off rows after its max rows
    select coalesce(jsonb_agg(jsonb_build_object('webhook_config_id', s.webhook_config_id, 'secret_key', s.secret_key)), '[]')
    from (
        select e.webhook_config_id, e.secret_key from webhooks.endpoint_secrets as e where e.secret_key is not null
        union all
        select p.webhook_config_id, p.secret_key from webhooks.previous_secrets as p
    ) as s
$$;
comment on function webhooks.list_webhook_secrets() is 'Behind public.list_webhook_secrets.';
revoke all on function webhooks.list_webhook_secrets() from public, anon, authenticated, service_role;
grant execute on function webhooks.list_webhook_secrets() to service_role;

-- schemas/endpoints/live_secrets.sql
create or replace function webhooks.live_secrets(endpoint uuid)
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_agg(s.secret_key order by s.replaced_at desc)
        from (
            select e.secret_key, 'infinity'::timestamptz as replaced_at
            from webhooks.endpoint_secrets as e
            where e.webhook_config_id = endpoint and e.secret_key is not null
            union all
            select p.secret_key, p.replaced_at
            from webhooks.previous_secrets as p
            where p.webhook_config_id = endpoint and p.expires_at > now()
        ) as s);
end $$;
comment on function webhooks.live_secrets(uuid) is 'The secrets that sign an endpoint''s deliveries now, newest first; null without one.';
revoke all on function webhooks.live_secrets(uuid) from public, anon, authenticated, service_role;

-- schemas/endpoints/move_all_endpoint_secrets.sql
create or replace function webhooks.move_all_endpoint_secrets()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _moved integer;
begin
    if not exists (
        select from public.webhook_configurations as c where c.secret_key is not null or c.headers is not null
    ) then
        return 0;
    end if;
    -- as an update of each would, but without changing updated_at of endpoints that were not edited
    insert into webhooks.endpoint_secrets (webhook_config_id, secret_key, headers)
    select c.id, nullif(c.secret_key, ''), nullif(c.headers, '{}')
    from public.webhook_configurations as c
    where c.secret_key is not null or c.headers is not null
    on conflict (webhook_config_id) do nothing;
    alter table public.webhook_configurations disable trigger user;
    update public.webhook_configurations as c
    set secret_key = null, headers = null
    where c.secret_key is not null or c.headers is not null;
    get diagnostics _moved = row_count;
    alter table public.webhook_configurations enable trigger user;
    return _moved;
end $$;
comment on function webhooks.move_all_endpoint_secrets() is 'Moves secrets out of public.webhook_configurations that were there before the trigger, or loaded without it.';
revoke all on function webhooks.move_all_endpoint_secrets() from public, anon, authenticated, service_role;

-- schemas/endpoints/normal_url.sql
create or replace function webhooks.normal_url(url text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(lower(u.parts[1] collate "C") || u.parts[2], u.trimmed)
    from (
        select t.trimmed, regexp_match(t.trimmed, '^([A-Za-z0-9+.-]*:)(.*)$') as parts
        from (select btrim(normal_url.url, E' \t\n\r\f\v') as trimmed) as t
    ) as u
$$;
comment on function webhooks.normal_url(text) is 'A URL without the space around it, and with its scheme in lower case.';
revoke all on function webhooks.normal_url(text) from public, anon, authenticated, service_role;

-- schemas/endpoints/record_webhook_url_checks.sql
create or replace function webhooks.record_webhook_url_checks(results jsonb)
returns integer
language plpgsql
-- definer: behind public.record_webhook_url_checks, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _recorded integer;
begin
    -- in one order, as when deliveries are recorded
    perform from public.webhook_circuits as h
    where h.webhook_config_id in (select r.id from jsonb_to_recordset(results) as r (id uuid))
    order by h.webhook_config_id
    for update;
    update public.webhook_circuits as h
    set url_check_at = null, url_checked_at = now(), url_warning = left(r.warning, 1000)
    from jsonb_to_recordset(results) as r (id uuid, url text, credentials_profile text, warning text)
    join public.webhook_configurations as c on c.id = r.id
    where h.webhook_config_id = r.id
      -- another worker was faster, or the URL has changed in the meantime and must be checked again
      and h.url_check_at is not null
      and c.url = r.url
      and c.credentials_profile is not distinct from r.credentials_profile;
    get diagnostics _recorded = row_count;
    return _recorded;
end $$;
comment on function webhooks.record_webhook_url_checks(jsonb) is 'Behind public.record_webhook_url_checks.';
revoke all on function webhooks.record_webhook_url_checks(jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_webhook_url_checks(jsonb) to service_role;

-- schemas/endpoints/replace_webhook_secret.sql
create or replace function webhooks.replace_webhook_secret(webhook_config_id uuid, stored text, sealed text)
returns boolean
language plpgsql
-- definer: behind public.replace_webhook_secret, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _replaced integer;
    _more integer;
begin
    if sealed is null or not starts_with(sealed, 'fernet:') then
        -- not left to the table's checks, whose errors would show the row
        raise exception 'a replaced secret must be encrypted, and start with fernet:' using errcode = '22023';
    end if;
    -- only what is still as it was read: a rotation meanwhile wins
    update webhooks.endpoint_secrets as s
    set secret_key = sealed
    where s.webhook_config_id = replace_webhook_secret.webhook_config_id and s.secret_key = stored;
    get diagnostics _replaced = row_count;
    update webhooks.previous_secrets as p
    set secret_key = sealed
    where p.webhook_config_id = replace_webhook_secret.webhook_config_id and p.secret_key = stored;
    get diagnostics _more = row_count;
    return _replaced + _more > 0;
end $$;
comment on function webhooks.replace_webhook_secret(uuid, text, text) is 'Behind public.replace_webhook_secret.';
revoke all on function webhooks.replace_webhook_secret(uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.replace_webhook_secret(uuid, text, text) to service_role;

-- schemas/endpoints/retry_preset.sql
create or replace function webhooks.retry_preset(name text)
returns integer[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if retry_preset.name is null or retry_preset.name not in ('quick', 'standard') then
        raise exception 'unknown retry schedule "%"', coalesce(retry_preset.name, 'null')
            using errcode = '22023', hint = 'quick, standard, or a list of seconds such as [5, 300, 1800].';
    end if;
    return case retry_preset.name
        when 'quick' then '{2,4}'
        -- 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: Standard Webhooks 1.0.0, "Deliverability and reliability"
        when 'standard' then '{5,300,1800,7200,18000,36000,50400,72000,86400}'
    end::integer[];
end $$;
comment on function webhooks.retry_preset(text) is 'The retry_schedule with a name: quick (three attempts within seconds) or standard (ten attempts over three days).';
revoke all on function webhooks.retry_preset(text) from public, anon, authenticated, service_role;

-- schemas/endpoints/rotate_webhook_secret.sql
create or replace function webhooks.rotate_webhook_secret(
    webhook_config_id uuid,
    overlap interval default '24 hours'
)
returns jsonb
language plpgsql
-- definer: behind public.rotate_webhook_secret, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _endpoint public.webhook_configurations;
    _current text;
    _secret text := webhooks.generate_secret();
    _until timestamptz;
begin
    if overlap is null or overlap < interval '0' or overlap > interval '30 days' then
        raise exception 'the overlap must be between 0 and 30 days' using errcode = '22023';
    end if;
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = rotate_webhook_secret.webhook_config_id
    for update;
    if not found then
        raise exception 'webhook endpoint % does not exist', rotate_webhook_secret.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;

    select e.secret_key into _current from webhooks.endpoint_secrets as e where e.webhook_config_id = _endpoint.id;

    delete from webhooks.previous_secrets as p
    where p.webhook_config_id = _endpoint.id and p.expires_at <= now();
    if _current is not null and overlap > interval '0' then
        _until := now() + overlap;
        insert into webhooks.previous_secrets (webhook_config_id, secret_key, expires_at)
        values (_endpoint.id, _current, _until);
    end if;
    -- each secret lengthens a header of every delivery: of many rotations in a row the last three old ones sign
    delete from webhooks.previous_secrets as p
    where p.webhook_config_id = _endpoint.id
      and p.replaced_at not in (
          select k.replaced_at
          from webhooks.previous_secrets as k
          where k.webhook_config_id = _endpoint.id
          order by k.replaced_at desc
          limit 3);
    -- a leaked secret must not sign on because an earlier rotation gave it time
    if overlap = interval '0' then
        delete from webhooks.previous_secrets as p where p.webhook_config_id = _endpoint.id;
    end if;
    update public.webhook_configurations as c set secret_key = _secret where c.id = _endpoint.id;
    perform webhooks.log_action('rotate_secret', _endpoint.id, null, jsonb_build_object('previous_until', _until));
    return jsonb_build_object('id', _endpoint.id, 'secret_key', _secret, 'previous_until', _until);
end $$;
comment on function webhooks.rotate_webhook_secret(uuid, interval) is 'Behind public.rotate_webhook_secret.';
revoke all on function webhooks.rotate_webhook_secret(uuid, interval) from public, anon, authenticated, service_role;
grant execute on function webhooks.rotate_webhook_secret(uuid, interval) to authenticated, service_role;

-- schemas/endpoints/secret_problem.sql
create or replace function webhooks.secret_problem(secret text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- the value itself never appears in an error: errors are logged
    select case
        -- sealed by a worker
        when secret is null or secret = '' or starts_with(secret, 'fernet:') then null
        when (secret collate "C") ~ '^[\u0001-\u0020\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]|[\u0001-\u0020\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]$'
            then 'secret_key has white space around it'
        when secret ~ '[\u0001-\u001f\u007f]' then 'secret_key has control characters'
        when secret ~ '^v1a?,' then 'secret_key starts with a signature''s version; the secret begins after the comma'
        when starts_with(secret, 'whpk_') then 'secret_key is a public key, which receivers verify with; whsk_ signs'
        when starts_with(secret, 'whsec_') then case
            when substr(secret, 7) !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$'
                then 'secret_key starts with whsec_ but no valid base64 follows'
            -- as Standard Webhooks has it
            when length(decode(substr(secret, 7), 'base64')) not between 24 and 64
                then 'secret_key starts with whsec_ and has fewer than 24 bytes, or more than 64'
        end
        -- 32 bytes, or 64 as libsodium has them
        when starts_with(secret, 'whsk_') then case
            when substr(secret, 6) !~ '^([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)$'
                then 'secret_key starts with whsk_ but no ed25519 key in base64 follows'
        end
        -- fewer are found by trying
        when octet_length(secret) < 5 then 'secret_key has fewer than 5 bytes'
        when octet_length(secret) > 1000 then 'secret_key has more than 1000 bytes'
    end
$$;
comment on function webhooks.secret_problem(text) is 'Why a secret cannot sign, or null. Does not contain the secret.';
revoke all on function webhooks.secret_problem(text) from public, anon, authenticated, service_role;

-- schemas/endpoints/send_test_webhook.sql
create or replace function webhooks.send_test_webhook(webhook_config_id uuid, event_type text default null)
returns jsonb
language plpgsql
-- definer: behind public.send_test_webhook, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _endpoint public.webhook_configurations;
    _delivery public.webhook_deliveries;
    _event text := coalesce(send_test_webhook.event_type, 'webhook.test');
    _data jsonb;
    _request_id uuid := gen_random_uuid();
begin
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = send_test_webhook.webhook_config_id;
    if not found then
        raise exception 'webhook endpoint % does not exist', send_test_webhook.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    if _endpoint.deleted_at is not null then
        raise exception 'webhook endpoint "%" was deleted', _endpoint.name
            using errcode = '22023', hint = 'Its history can be read. To deliver there again, create an endpoint and dispatch the event.';
    end if;
    if not _endpoint.is_active then
        raise exception 'webhook endpoint "%" is inactive', _endpoint.name
            using errcode = '22023', hint = 'Set is_active to true, then test it.';
    end if;
    if _event = 'webhook.test' then
        _data := jsonb_build_object('message', 'This is a test delivery.');
    else
        select t.example into _data from public.webhook_event_types as t
        where t.name = _event and (_endpoint.tenant_id is null or t.audience = 'customers');
        if _data is null then
            raise exception 'event "%" has no example to send', _event
                using errcode = '22023', hint = 'Send one of the catalog, public.webhook_event_types, or webhook.test.';
        end if;
    end if;
    -- as many as events: a customer floods neither the queue nor a third party
    if webhooks.is_customer() then
        perform webhooks.spend_allowance(webhooks.user_sub());
    end if;
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, tenant_id)
    values (_endpoint.id, _event, webhooks.payload(_event, _data, null, _request_id), _request_id, _endpoint.tenant_id)
    returning * into _delivery;
    perform webhooks.log_action('send_test', _endpoint.id, _delivery.id, case
        when _event = 'webhook.test' then '{}' else jsonb_build_object('event_type', _event) end);
    return jsonb_build_object('delivery_id', _delivery.id, 'request_id', _request_id);
end $$;
comment on function webhooks.send_test_webhook(uuid, text) is 'Behind public.send_test_webhook.';
revoke all on function webhooks.send_test_webhook(uuid, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.send_test_webhook(uuid, text) to authenticated, service_role;

-- schemas/endpoints/update_webhook_endpoint.sql
create or replace function webhooks.update_webhook_endpoint(webhook_config_id uuid, changes jsonb)
returns jsonb
language plpgsql
-- definer: behind public.update_webhook_endpoint, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _old public.webhook_configurations;
    _new public.webhook_configurations;
begin
    -- the circuit first, as when results are recorded: enabling an endpoint resets it
    perform from public.webhook_circuits as h
    where h.webhook_config_id = update_webhook_endpoint.webhook_config_id
    for update;
    select c.* into _old
    from public.webhook_configurations as c
    where c.id = update_webhook_endpoint.webhook_config_id and c.deleted_at is null
    for update;
    if not found then
        raise exception 'webhook endpoint % does not exist', update_webhook_endpoint.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;
    if changes ? 'updated_at' and (changes ->> 'updated_at')::timestamptz is distinct from _old.updated_at then
        raise exception 'webhook endpoint "%" has changed since you read it', _old.name
            using errcode = 'PT409', hint = 'Read it again, and repeat your change with its new updated_at.';
    end if;
    changes := changes - 'updated_at';
    _new := webhooks.apply_endpoint_changes(_old, changes);
    -- a number of attempts alone replaces a schedule, which would take precedence
    if changes ? 'max_attempts' and not changes ? 'retry_schedule' then
        _new.retry_schedule := null;
    end if;
    -- headers and credentials were given for where they went: someone who cannot read them must not redirect them
    if webhooks.where_credentials_go(_new.url) is distinct from webhooks.where_credentials_go(_old.url) then
        _new.headers := coalesce(_new.headers, '{}');
        _new.credentials_profile := case when changes ? 'credentials_profile' then _new.credentials_profile end;
    end if;
    -- in the table, null means unchanged; in a change, it means none
    if changes ? 'headers' then
        _new.headers := coalesce(_new.headers, '{}');
    end if;
    -- triggers check the columns named here: an old URL that would be rejected today stays unchanged
    update public.webhook_configurations as c
    set name = _new.name, is_active = _new.is_active, max_attempts = _new.max_attempts,
        url = _new.url, events = _new.events, headers = _new.headers,
        rate_limit_per_second = _new.rate_limit_per_second, max_concurrency = _new.max_concurrency,
        timeout_seconds = _new.timeout_seconds, circuit_failure_threshold = _new.circuit_failure_threshold,
        circuit_reset_seconds = _new.circuit_reset_seconds, credentials_profile = nullif(_new.credentials_profile, ''),
        retry_schedule = _new.retry_schedule, expires_after = _new.expires_after, managed_by = _new.managed_by
    where c.id = _old.id;
    perform webhooks.log_action('update_endpoint', _old.id, null, webhooks.without_header_values(changes));
    return jsonb_build_object('id', _old.id);
end $$;
comment on function webhooks.update_webhook_endpoint(uuid, jsonb) is 'Behind public.update_webhook_endpoint.';
revoke all on function webhooks.update_webhook_endpoint(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.update_webhook_endpoint(uuid, jsonb) to authenticated, service_role;

-- schemas/endpoints/url_problem.sql
create or replace function webhooks.url_problem(url text)
returns text
language plpgsql
stable
-- definer: callers that save an endpoint need no privilege on the table of schemes
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- in this collation, classes of characters are the same on every server
    _url text collate "C" := webhooks.normal_url(url_problem.url);
    _scheme text := split_part(_url, ':', 1);
    _host text collate "C";
    _known webhooks.url_schemes;
begin
    if length(_url) > 2000 then
        return 'the URL has more than 2000 characters';
    end if;
    if _url ~ '[\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ud7b0-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]' then
        return 'the URL contains white space or an invisible character; example: https://example.com/webhooks';
    end if;
    if _url ~ '^[A-Za-z0-9+.-]*://[^/?#]*@' then
        return 'the URL contains a user name or password; put credentials in secret_key, or in the workers'' settings under a credentials_profile';
    end if;
    select s.* into _known from webhooks.url_schemes as s where s.scheme = _scheme;
    if not found and _url !~ '^[A-Za-z][A-Za-z0-9+.-]*://' then
        -- not repeated: a secret may be in the wrong field
        return 'the URL has no scheme, such as https://; example: https://example.com/webhooks';
    end if;
    if _known is null then
        return format('the URL''s scheme %L is not supported (supported: %s); example: https://example.com/webhooks',
            _scheme, (select string_agg(s.scheme, ', ' order by s.scheme) from webhooks.url_schemes as s));
    end if;
    if _url !~ _known.pattern then
        return 'the URL is malformed; example: ' || _known.example;
    end if;
    if _scheme not in ('https', 'http') then
        return case when _url ~ '[?&]([a-z_]+)=[^&]*(&.*)?&\1=' then 'the URL is malformed: a parameter appears twice; example: ' || _known.example end;
    end if;
    _host := substring(_url from '^https?://(\[[^]]*\]|[^:/?]*)');
    if starts_with(_host, '[') then
        begin
            perform btrim(_host, '[]')::inet;
        exception when invalid_text_representation then
            return 'the URL is malformed: its host is not an IPv6 address; example: ' || _known.example;
        end;
    elsif length(_host) > 253 or _host ~ '(^|\.)([^.]*[^.\u0001-\u007f]){9}|(^|\.)[^.]*[^.\u0001-\u007f][^.]{24}|(^|\.)[^.]{24}[^.]*[^.\u0001-\u007f]|^(?=.*[^\u0001-\u007f])(-|[^.]{2}--|.*(_|-\.|\.-|-$|\.[^.]{2}--))' then
        return 'the URL is malformed: its host is too long or has no ASCII form; write an international one in its ASCII form, xn--...';
    end if;
    return null;
end $$;
comment on function webhooks.url_problem(text) is 'Why an endpoint''s URL cannot be delivered to, or null. The same grammar as webhooks/destinations.py.';
revoke all on function webhooks.url_problem(text) from public, anon, authenticated, service_role;

-- schemas/endpoints/where_credentials_go.sql
create or replace function webhooks.where_credentials_go(url text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select substring(where_credentials_go.url from '^[^:]+://[^/?#]*') || case
        when where_credentials_go.url ~ '^https?:' then ''
        -- of a queue, its parameters lead elsewhere too (endpoint_url, tls, sasl): all but those that choose a payload field
        else '?' || coalesce((
            select string_agg(p.parameter, '&' order by p.parameter collate "C")
            from regexp_split_to_table(substring(where_credentials_go.url from '\?([^#]*)'), '&') as p (parameter)
            where p.parameter !~ '^(key|ordering_key)='), '')
    end
$$;
comment on function webhooks.where_credentials_go(text) is 'The parts of an endpoint''s URL that decide who receives its headers and credentials: scheme, host and port, and of a queue its parameters.';
revoke all on function webhooks.where_credentials_go(text) from public, anon, authenticated, service_role;

-- schemas/endpoints/without_header_values.sql
create or replace function webhooks.without_header_values(changes jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(changes -> 'headers') = 'object' then jsonb_set(changes, '{headers}', (
            select coalesce(jsonb_object_agg(h.name, '(hidden)'), '{}')
            from jsonb_object_keys(changes -> 'headers') as h (name)))
        else changes
    end
$$;
comment on function webhooks.without_header_values(jsonb) is 'An endpoint''s settings as they may be logged.';
revoke all on function webhooks.without_header_values(jsonb) from public, anon, authenticated, service_role;

-- schemas/events/check_payload_size.sql
create or replace function webhooks.check_payload_size(payload jsonb)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    _problem text := webhooks.payload_problem(payload);
begin
    if _problem is not null then
        raise exception '%', _problem
            using errcode = '22023', hint = 'Send an id or a link in event_data and let the receiver fetch the rest.';
    end if;
end $$;
comment on function webhooks.check_payload_size(jsonb) is 'Raises 22023 with what webhooks.payload_problem returns.';
revoke all on function webhooks.check_payload_size(jsonb) from public, anon, authenticated, service_role;

-- schemas/events/dispatch_limit_per_minute.sql
do $replaceable$
begin
    if to_regprocedure('webhooks.dispatch_limit_per_minute()') is null then
        execute $function$-- How many events a signed-in user may dispatch per minute; server-side callers have no limit.

create or replace function webhooks.dispatch_limit_per_minute()
returns integer
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return 60;
end $$;
comment on function webhooks.dispatch_limit_per_minute() is 'Events that a signed-in user may dispatch in a minute. Replace the function to change it; null: no limit.';
$function$;
    end if;
end $replaceable$;
revoke all on function webhooks.dispatch_limit_per_minute() from public, anon, authenticated, service_role;

-- schemas/events/dispatch_webhook.sql
-- the first generation's returned void, and a return type cannot be changed in place
drop function if exists public.dispatch_webhook(text, jsonb, uuid);
create or replace function public.dispatch_webhook(
    event_type text,
    event_data jsonb,
    actor_user_id uuid default null,
    idempotency_key text default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
-- invoker: current_user tells a user from a server-side caller. Inside a definer function of the app, such as the
-- platform's apply_referral_code, it is that function's owner.
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if webhooks.is_server() then
        return webhooks.emit(
            dispatch_webhook.event_type, dispatch_webhook.event_data, dispatch_webhook.actor_user_id,
            dispatch_webhook.idempotency_key, 'server', null, dispatch_webhook.tenant_id);
    end if;
    if current_user <> 'authenticated' then
        raise exception 'dispatch_webhook needs a signed-in user' using errcode = '42501';
    end if;
    return webhooks.emit_as_user(
        dispatch_webhook.event_type, dispatch_webhook.event_data, dispatch_webhook.actor_user_id,
        dispatch_webhook.idempotency_key, dispatch_webhook.tenant_id);
end $$;
comment on function public.dispatch_webhook(text, jsonb, uuid, text, text) is 'Dispatches an event to every endpoint that subscribes to it: the app''s own, and with a tenant_id that tenant''s. Returns {"request_id", "deliveries"}; a repeated idempotency_key returns the first result and delivers nothing.';
revoke all on function public.dispatch_webhook(text, jsonb, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.dispatch_webhook(text, jsonb, uuid, text, text) to authenticated, service_role;

-- schemas/events/emit.sql
-- Dispatch: an event becomes one pending delivery for each endpoint that subscribes to it, in the caller's own
-- transaction, by one insert whatever their number.
create or replace function webhooks.emit(
    event_type text,
    event_data jsonb,
    actor_user_id uuid,
    idempotency_key text,
    scope text,
    user_sub text default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
-- definer: the callers that may emit hold no privilege on the tables
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _type public.webhook_event_types;
    _problem text;
    _request_id uuid := gen_random_uuid();
    _payload jsonb;
    _answer jsonb;
    _deliveries integer;
    _attached boolean;
    -- as JSON, so that a tenant's keys never meet another's, whatever the ids are
    _scope text := case
        when emit.tenant_id is null then emit.scope
        else jsonb_build_array(emit.scope, emit.tenant_id)::text
    end;
begin
    if length(emit.tenant_id) not between 1 and 255 then
        raise exception 'a tenant_id has 1 to 255 characters'
            using errcode = '22023', hint = 'Leave it out for an event of the app itself.';
    end if;
    select t.* into _type from public.webhook_event_types as t where t.name = emit.event_type;
    if not found then
        raise exception 'unknown webhook event type "%"', coalesce(emit.event_type, 'null')
            using errcode = '22023', hint = 'The known types are in the table public.webhook_event_types.';
    end if;
    if _type.analytics_destination is not null then
        raise exception '"%" is an analytics event, not a webhook: send it to %', _type.name, _type.analytics_destination
            using errcode = '22023', hint = 'Webhook event types are in the table public.webhook_event_types.';
    end if;
    -- first of all: what follows turns parts of it into text
    perform webhooks.check_payload_size(emit.event_data);
    _problem := webhooks.schema_problem(_type.data_schema, emit.event_data);
    if _problem is not null then
        raise exception 'event_data of "%" is wrong: %', _type.name, _problem
            using errcode = '22023', hint = 'Example: ' || _type.example::text;
    end if;
    _attached := exists (select from public.webhook_triggers as t where t.event_type = _type.name);
    if _attached then
        -- the same event, already emitted by its trigger
        _answer := webhooks.emitted_by_change(_type.name, emit.event_data, emit.actor_user_id, emit.user_sub);
        if _answer is not null then
            return _answer;
        end if;
    end if;

    _payload := webhooks.payload(_type.name, emit.event_data, emit.actor_user_id, _request_id);
    -- the rest of the payload adds some hundred bytes to what was checked
    if pg_column_size(_payload) > 65536 then
        perform webhooks.check_payload_size(_payload);
    end if;

    if emit.idempotency_key is not null then
        insert into webhooks.idempotency_keys (scope, key, request_id)
        values (_scope, emit.idempotency_key, _request_id)
        on conflict do nothing;
        if not found then
            return (
                select jsonb_build_object('request_id', k.request_id, 'deliveries', k.deliveries)
                from webhooks.idempotency_keys as k
                where k.scope = _scope and k.key = emit.idempotency_key);
        end if;
    end if;

    -- complete and checked: the table's own trigger need not check each row
    perform set_config('webhooks.emitting', 'on', true);
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, actor_id, tenant_id)
    select c.id, _type.name, _payload, _request_id, coalesce(emit.actor_user_id::text, emit.user_sub), emit.tenant_id
    from public.webhook_configurations as c
    where c.is_active
      and c.events && array[_type.name, split_part(_type.name, '.', 1) || '.*', '*']
      -- the app's own endpoints, and those of the tenant whose event it is
      and (c.tenant_id is null or (c.tenant_id = emit.tenant_id and _type.audience = 'customers'))
    order by c.id
    -- waits for an endpoint's deletion, and then leaves that one out: else the reference would fail the whole event
    for key share;
    get diagnostics _deliveries = row_count;
    perform set_config('webhooks.emitting', 'off', true);

    if emit.idempotency_key is not null then
        update webhooks.idempotency_keys as k
        set deliveries = _deliveries
        where k.scope = _scope and k.key = emit.idempotency_key;
    end if;
    if _attached then
        -- a server may dispatch first and change the table then: the trigger must know
        insert into webhooks.idempotency_keys as k (scope, key, request_id, deliveries, actor_user_id, awaits_change)
        select distinct webhooks.change_scope(),
               webhooks.change_key(_type.name, t.identity, emit.event_data, emit.actor_user_id),
               _request_id, _deliveries, emit.actor_user_id, true
        from public.webhook_triggers as t
        where t.event_type = _type.name
        on conflict on constraint idempotency_keys_pkey do update
        set request_id = excluded.request_id, deliveries = excluded.deliveries, created_at = now()
        where k.awaits_change;
    end if;
    return jsonb_build_object('request_id', _request_id, 'deliveries', _deliveries);
end $$;
comment on function webhooks.emit(text, jsonb, uuid, text, text, text, text) is 'Creates the deliveries of an event, for any actor. For server-side callers only.';
revoke all on function webhooks.emit(text, jsonb, uuid, text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.emit(text, jsonb, uuid, text, text, text, text) to service_role;

-- schemas/events/emit_as_user.sql
create or replace function webhooks.emit_as_user(
    event_type text,
    event_data jsonb,
    actor_user_id uuid,
    idempotency_key text,
    tenant_id text default null
)
returns jsonb
language plpgsql
-- definer: users may not call webhooks.emit, which accepts any actor
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _sub text := webhooks.user_sub();
    _answer jsonb;
begin
    if _sub is null then
        raise exception 'dispatch_webhook needs a signed-in user' using errcode = '42501';
    end if;
    if emit_as_user.actor_user_id is not null and emit_as_user.actor_user_id is distinct from webhooks.user_id() then
        raise exception 'actor_user_id % is not the signed-in user', emit_as_user.actor_user_id
            using errcode = '42501', hint = 'Leave actor_user_id out, or pass your own user id.';
    end if;
    if emit_as_user.tenant_id is not null and emit_as_user.tenant_id <> all (array(select webhooks.tenants('dispatch'))) then
        raise exception 'you cannot dispatch events of the tenant "%"', emit_as_user.tenant_id
            using errcode = '42501', hint = 'public.webhook_tenants decides who can.';
    end if;
    perform webhooks.spend_allowance(_sub);
    -- emit reports a type that does not exist
    if exists (select from public.webhook_event_types as t
               where t.name = emit_as_user.event_type and t.analytics_destination is null and not t.users_may_dispatch) then
        perform webhooks.check_payload_size(emit_as_user.event_data);
        -- users may learn what their own change emitted
        _answer := webhooks.emitted_by_change(emit_as_user.event_type, emit_as_user.event_data, webhooks.user_id(), _sub);
        if _answer is null then
            raise exception 'users cannot dispatch "%": only servers and triggers can', emit_as_user.event_type
                using errcode = '42501',
                      hint = 'A type that users may report is defined with users_may_dispatch => true.';
        end if;
        return _answer;
    end if;
    return webhooks.emit(
        emit_as_user.event_type, emit_as_user.event_data, webhooks.user_id(),
        emit_as_user.idempotency_key, 'user:' || _sub, _sub, emit_as_user.tenant_id);
end $$;
comment on function webhooks.emit_as_user(text, jsonb, uuid, text, text) is 'Creates the deliveries of an event for the signed-in user, who is the actor.';
revoke all on function webhooks.emit_as_user(text, jsonb, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.emit_as_user(text, jsonb, uuid, text, text) to authenticated;

-- schemas/events/example_of.sql
-- The event catalog opens to other apps: one call adds a type with its schema, and an example if none is given.

create or replace function webhooks.example_of(schema jsonb, name text default 'value')
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    _type text := case jsonb_typeof(schema -> 'type')
        when 'array' then (select t from jsonb_array_elements_text(schema -> 'type') as t where t <> 'null' limit 1)
        else schema ->> 'type'
    end;
begin
    return case
        when schema ? 'const' then schema -> 'const'
        when schema ? 'enum' then schema -> 'enum' -> 0
        when schema ? 'default' then schema -> 'default'
        when _type = 'object' then coalesce((
            select jsonb_object_agg(p.key, webhooks.example_of(p.value, p.key))
            from jsonb_each(schema -> 'properties') as p), '{}')
        when _type = 'array' then '[]'
        when _type in ('integer', 'number') then coalesce(schema -> 'minimum', '1')
        when _type = 'boolean' then 'true'
        when _type = 'null' then 'null'
        when _type is null then '{}'
        else case schema ->> 'format'
            when 'uuid' then '"6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11"'
            when 'date-time' then '"2026-01-29T12:34:56.789Z"'
            when 'date' then '"2026-01-29"'
            when 'time' then '"12:34:56Z"'
            when 'email' then '"ana@example.com"'
            when 'uri' then '"https://example.com/"'
            else to_jsonb(example_of.name)
        end
    end;
end $$;
comment on function webhooks.example_of(jsonb, text) is 'A value that satisfies a JSON Schema in all that webhooks.schema_problem checks without pg_jsonschema.';
revoke all on function webhooks.example_of(jsonb, text) from public, anon, authenticated, service_role;

-- schemas/events/json_types.sql
create or replace function webhooks.json_types(schema jsonb)
returns setof text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_array_elements_text(
        case jsonb_typeof(schema -> 'type') when 'array' then schema -> 'type' else jsonb_build_array(schema -> 'type') end)
$$;
comment on function webhooks.json_types(jsonb) is 'The types that a JSON Schema allows.';
revoke all on function webhooks.json_types(jsonb) from public, anon, authenticated, service_role;

-- schemas/events/payload.sql
create or replace function webhooks.payload(event_type text, event_data jsonb, actor_user_id uuid, request_id uuid)
returns jsonb
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_build_object(
        'event', payload.event_type,
        'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'actor_user_id', payload.actor_user_id,
        'data', payload.event_data,
        'request_id', payload.request_id);
end $$;
comment on function webhooks.payload(text, jsonb, uuid, uuid) is 'The body of an event, in the format that all receivers know.';
revoke all on function webhooks.payload(text, jsonb, uuid, uuid) from public, anon, authenticated, service_role;

-- schemas/events/payload_problem.sql
-- What can be rejected is rejected before any text exists: a number of 36 bytes may have 131,072 digits as text.
create or replace function webhooks.payload_problem(payload jsonb)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    _digits numeric;
    _bytes integer;
begin
    -- no text of 256 KB takes more than five times its size as jsonb: a list of one-digit numbers takes four
    if pg_column_size(payload) > 8 * 262144 then
        return 'the webhook payload is larger than 262144 bytes; at most 262144 (256 KB) are allowed';
    end if;
    -- many parsers have a depth limit: a receiver's, or a worker's
    if payload @? '$.**{101}' then
        return 'the webhook payload is nested more than 100 levels deep';
    end if;
    -- a double ends at 1e308; what is longer than this is an attack or an accident
    select sum(case
        when abs(v.n) > 1e999 or scale(v.n) > 1000 then 'Infinity'::numeric
        when octet_length(v.n::text) > 1002 then 'Infinity'::numeric
        else octet_length(v.n::text)
    end) into _digits
    from (
        select j::numeric as n from jsonb_path_query(payload, 'strict $.** ? (@.type() == "number")') as j
    ) as v;
    if _digits = 'Infinity' then
        return 'the webhook payload has a number above 1e999 or of more than 1000 digits';
    end if;
    _bytes := case when _digits > 262144 then _digits else octet_length(payload::text) end;
    if _bytes > 262144 then
        return format('the webhook payload has %s bytes; at most 262144 (256 KB) are allowed', _bytes);
    end if;
    return null;
end $$;
comment on function webhooks.payload_problem(jsonb) is 'Why a payload cannot be sent, or null: 256 KB, 100 levels, numbers of 1,000 digits. Uses no more memory than the payload''s size.';
revoke all on function webhooks.payload_problem(jsonb) from public, anon, authenticated, service_role;

-- schemas/events/schema_problem.sql
create or replace function webhooks.schema_problem(data_schema jsonb, data jsonb)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _problem text;
    _validator regprocedure := coalesce(
        to_regprocedure('extensions.jsonb_matches_schema(json,jsonb)'),
        to_regprocedure('public.jsonb_matches_schema(json,jsonb)'));
    _valid boolean;
begin
    if data is null or jsonb_typeof(data) <> 'object' then
        return 'event_data must be a JSON object';
    end if;
    select string_agg(p.problem, '; ' order by p.problem) into _problem
    from (
        select format('"%s" is missing', required.key) as problem
        from jsonb_array_elements_text(data_schema -> 'required') as required (key)
        where not data ? required.key
        union all
        select format('"%s" must be %s, not %s', property.key, types.names, jsonb_typeof(data -> property.key))
        from jsonb_each(data_schema -> 'properties') as property (key, schema)
        cross join lateral (
            select array_agg(t.name) as allowed, string_agg(t.name, ' or ') as names
            from jsonb_array_elements_text(
                case jsonb_typeof(property.schema -> 'type')
                    when 'array' then property.schema -> 'type'
                    else jsonb_build_array(property.schema -> 'type')
                end) as t (name)
        ) as types
        where data ? property.key
          and property.schema ? 'type'
          and not jsonb_typeof(data -> property.key) = any (types.allowed)
          and not ('integer' = any (types.allowed)
                   and jsonb_typeof(data -> property.key) = 'number'
                   and (data -> property.key)::numeric % 1 = 0)
    ) as p;
    if _problem is null and _validator is not null then
        execute format('select %s($1, $2)', _validator::regproc) into _valid using data_schema::json, data;
        if not _valid then
            _problem := 'event_data does not satisfy the type''s JSON Schema';
        end if;
    end if;
    return _problem;
end $$;
comment on function webhooks.schema_problem(jsonb, jsonb) is 'How data violates a JSON Schema, or null: required keys and types always, all of it with pg_jsonschema.';
revoke all on function webhooks.schema_problem(jsonb, jsonb) from public, anon, authenticated, service_role;

-- schemas/events/spend_allowance.sql
create or replace function webhooks.spend_allowance(user_sub text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _limit double precision := webhooks.dispatch_limit_per_minute();
begin
    if _limit is null then
        return;
    end if;
    insert into webhooks.dispatch_allowances as a (user_sub, events)
    values (spend_allowance.user_sub, _limit - 1)
    on conflict on constraint dispatch_allowances_pkey do update
    set events = least(_limit, a.events + _limit / 60 * extract(epoch from now() - a.at)) - 1,
        at = now()
    where least(_limit, a.events + _limit / 60 * extract(epoch from now() - a.at)) >= 1;
    if not found then
        raise exception 'you have dispatched more than % events in a minute', _limit
            using errcode = 'PT429', hint = 'Wait a moment. Triggers and the service role have no limit.';
    end if;
end $$;
comment on function webhooks.spend_allowance(text) is 'Takes one event from a user''s allowance, or raises PT429.';
revoke all on function webhooks.spend_allowance(text) from public, anon, authenticated, service_role;

-- schemas/events/webhook_define_event.sql
create or replace function webhooks.webhook_define_event(
    name text,
    description text,
    data_schema jsonb,
    example jsonb default null,
    users_may_dispatch boolean default false,
    audience text default null
)
returns text
language plpgsql
-- definer: behind public.webhook_define_event, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _example jsonb := webhook_define_event.example;
    _problem text;
begin
    if webhook_define_event.name is null or webhook_define_event.name !~ '^[a-z0-9_]+(\.[a-z0-9_]+)*$' then
        raise exception 'the event name "%" is not valid', webhook_define_event.name
            using errcode = '22023', hint = 'Name it in lower case, family first: order.paid';
    end if;
    if webhook_define_event.name ~ '^webhooks?\.' then
        raise exception 'the event name "%" is reserved: webhook.* and webhooks.* are this system''s own events', webhook_define_event.name
            using errcode = '22023', hint = 'Name it after what happens: order.paid';
    end if;
    if exists (select from public.webhook_event_types as t
               where t.name = webhook_define_event.name and t.analytics_destination is not null) then
        raise exception '"%" is an analytics event, not a webhook', webhook_define_event.name
            using errcode = '22023', hint = 'Choose another name.';
    end if;
    if webhook_define_event.data_schema ->> 'type' is distinct from 'object'
        or jsonb_typeof(coalesce(webhook_define_event.data_schema -> 'properties', '{}')) <> 'object'
        or jsonb_typeof(coalesce(webhook_define_event.data_schema -> 'required', '[]')) <> 'array' then
        raise exception 'data_schema of "%" is not a JSON Schema of an object', webhook_define_event.name
            using errcode = '22023',
                  hint = 'For example {"type": "object", "required": ["order_id"], "properties": {"order_id": {"type": "string"}}}';
    end if;
    if webhook_define_event.audience not in ('internal', 'customers') then
        raise exception 'the audience of "%" must be internal or customers, not "%"', webhook_define_event.name, webhook_define_event.audience
            using errcode = '22023', hint = 'customers: tenants can subscribe to it. internal: only the app can.';
    end if;
    perform webhooks.check_payload_size(webhook_define_event.data_schema);
    perform webhooks.check_payload_size(webhook_define_event.example);
    _example := coalesce(_example, webhooks.example_of(webhook_define_event.data_schema));
    _problem := webhooks.schema_problem(webhook_define_event.data_schema, _example);
    if _problem is not null then
        raise exception 'the example of "%" does not satisfy its data_schema: %', webhook_define_event.name, _problem
            using errcode = '22023', hint = 'Give an example that does, as the fourth argument.';
    end if;
    insert into public.webhook_event_types as t (name, description, data_schema, example, users_may_dispatch, audience)
    values (webhook_define_event.name, webhook_define_event.description, webhook_define_event.data_schema, _example,
            coalesce(webhook_define_event.users_may_dispatch, false), coalesce(webhook_define_event.audience, 'internal'))
    on conflict on constraint webhook_event_types_pkey do update
    set description = excluded.description, data_schema = excluded.data_schema, example = excluded.example,
        users_may_dispatch = excluded.users_may_dispatch, audience = coalesce(webhook_define_event.audience, t.audience);
    return webhook_define_event.name;
end $$;
comment on function webhooks.webhook_define_event(text, text, jsonb, jsonb, boolean, text) is 'Behind public.webhook_define_event.';
revoke all on function webhooks.webhook_define_event(text, text, jsonb, jsonb, boolean, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_define_event(text, text, jsonb, jsonb, boolean, text) to service_role;

-- schemas/listeners/claim_for_webhook_listener.sql
create or replace function webhooks.claim_for_webhook_listener(listener uuid, batch_size integer default 20)
returns json
language plpgsql
-- definer: behind public.claim_for_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- as in the workers' claim: one index will do for each statement, whatever the statistics say about a queue
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    _lease uuid := gen_random_uuid();
    _ids uuid[];
    _oldest timestamptz;
    _newest timestamptz;
    _claimed json;
begin
    perform webhooks.renew_listener(claim_for_webhook_listener.listener);
    -- what has become due, and what an earlier call claimed and never reported: no worker may be running that does this
    update webhooks.delivery_queue as q
    set ready = true, lease_id = null, leased_at = null
    where q.delivery_id = any (array(
        select n.delivery_id
        from webhooks.delivery_queue as n
        where n.webhook_config_id = claim_for_webhook_listener.listener and not n.ready and n.due_at <= now()
        limit 1000
        for update skip locked));
    select coalesce(array_agg(l.delivery_id), '{}'), min(l.created_at), max(l.created_at)
    into _ids, _oldest, _newest
    from (
        select q.delivery_id, q.created_at
        from webhooks.delivery_queue as q
        where q.webhook_config_id = claim_for_webhook_listener.listener and q.ready
        order by q.due_at
        limit least(greatest(coalesce(batch_size, 20), 1), 20)
        for update skip locked
    ) as l;
    update webhooks.delivery_queue as q
    set ready = false, lease_id = _lease, leased_at = now(), leased_by = 'webhooks listen',
        -- longer than an app under development may stop at a breakpoint, and no one else waits for it
        due_at = now() + interval '10 minutes'
    where q.delivery_id = any (_ids);
    with claimed as (
        update public.webhook_deliveries as d
        set status = 'processing'
        where d.id = any (_ids) and d.created_at between _oldest and _newest and d.status in ('pending', 'processing')
        returning d.id, d.event_type, d.attempts, d.payload, d.next_attempt_at
    )
    select json_agg(json_build_object(
        'id', k.id, 'event_type', k.event_type, 'attempt', k.attempts + 1, 'lease_id', _lease, 'body', k.payload::text)
        order by k.next_attempt_at)
    into _claimed
    from claimed as k;
    return json_build_object('deliveries', coalesce(_claimed, '[]'));
end $$;
comment on function webhooks.claim_for_webhook_listener(uuid, integer) is 'Behind public.claim_for_webhook_listener.';
revoke all on function webhooks.claim_for_webhook_listener(uuid, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.claim_for_webhook_listener(uuid, integer) to authenticated, service_role;

-- schemas/listeners/delete_expired_listeners.sql
create or replace function webhooks.delete_expired_listeners()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _disabled uuid;
begin
    _disabled := (
        select l.webhook_config_id
        from webhooks.listeners as l
        join public.webhook_configurations as c on c.id = l.webhook_config_id
        where l.expires_at < now() and not c.is_active
        order by l.expires_at
        limit 1
        for update of l skip locked);
    -- Disabled first, and deleted by a later call, as delete_webhook_endpoint does it. One a call: a deletion waits for
    -- those who dispatch to that endpoint just now, and must hold nothing that they wait for.
    update public.webhook_configurations as c
    set is_active = false
    where c.is_active and c.id = any (array(
        select l.webhook_config_id from webhooks.listeners as l where l.expires_at < now() for update skip locked));
    if _disabled is not null then
        perform webhooks.delete_webhook_endpoint(_disabled);
    end if;
end $$;
comment on function webhooks.delete_expired_listeners() is 'Disables the endpoints of expired listeners, and deletes one of those that were disabled earlier, with its deliveries.';
revoke all on function webhooks.delete_expired_listeners() from public, anon, authenticated, service_role;

-- schemas/listeners/listened_deliveries.sql
create or replace function webhooks.listened_deliveries()
returns uuid[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select array(
        select d.id
        from webhooks.listeners as l
        join public.webhook_deliveries as d on d.webhook_config_id = l.webhook_config_id)
$$;
comment on function webhooks.listened_deliveries() is 'The deliveries to listeners: no report counts them.';
revoke all on function webhooks.listened_deliveries() from public, anon, authenticated, service_role;

-- schemas/listeners/listener_owner.sql
create or replace function webhooks.listener_owner()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce('user:' || webhooks.user_sub(), webhooks.caller())
$$;
comment on function webhooks.listener_owner() is 'The caller, as webhooks.listeners has it.';
revoke all on function webhooks.listener_owner() from public, anon, authenticated, service_role;

-- schemas/listeners/lock_listener.sql
create or replace function webhooks.lock_listener(listener uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from webhooks.listeners as l
    where l.webhook_config_id = lock_listener.listener and l.owner = webhooks.listener_owner()
    for update;
    if not found then
        -- the same error for another caller's listener, so that it tells nothing about it
        raise exception 'this listener has ended, or is not yours'
            using errcode = 'PT404', hint = 'A listener ends when it makes no call for a minute. Start it again: webhooks listen.';
    end if;
end $$;
comment on function webhooks.lock_listener(uuid) is 'Locks a listener of the caller''s, or raises PT404.';
revoke all on function webhooks.lock_listener(uuid) from public, anon, authenticated, service_role;

-- schemas/listeners/record_for_webhook_listener.sql
create or replace function webhooks.record_for_webhook_listener(listener uuid, results jsonb)
returns json
language plpgsql
-- definer: behind public.record_for_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.renew_listener(record_for_webhook_listener.listener);
    return webhooks.record_webhook_attempts((
        select coalesce(jsonb_agg(jsonb_build_object(
            'delivery_id', r.delivery_id, 'lease_id', r.lease_id, 'attempt', r.attempt, 'started_at', r.started_at,
            'duration_ms', r.duration_ms, 'delivered', r.delivered, 'response_status', r.response_status,
            'response_excerpt', left(r.response_excerpt, 1000), 'error', left(r.error, 1000),
            -- not retried: the person who watches sends it again
            'permanent', not r.delivered)), '[]')
        -- nothing else is taken from a result: without "health" it says nothing that opens a circuit or starts an alert
        from jsonb_to_recordset(results) as r (
            delivery_id uuid, lease_id uuid, attempt integer, started_at timestamptz, duration_ms integer,
            delivered boolean, response_status integer, response_excerpt text, error text)
        -- of this listener's deliveries only, and only what it has claimed
        join webhooks.delivery_queue as q
            on q.delivery_id = r.delivery_id and q.lease_id = r.lease_id
            and q.webhook_config_id = record_for_webhook_listener.listener));
end $$;
comment on function webhooks.record_for_webhook_listener(uuid, jsonb) is 'Behind public.record_for_webhook_listener.';
revoke all on function webhooks.record_for_webhook_listener(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function webhooks.record_for_webhook_listener(uuid, jsonb) to authenticated, service_role;

-- schemas/listeners/renew_listener.sql
create or replace function webhooks.renew_listener(listener uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.lock_listener(renew_listener.listener);
    if not exists (select from public.webhook_configurations as c where c.id = renew_listener.listener and c.is_active) then
        raise exception 'this listener''s endpoint was disabled'
            using errcode = 'PT404', hint = 'An admin did, or it has expired. Start a new listener: webhooks listen.';
    end if;
    update webhooks.listeners as l
    set expires_at = now() + interval '1 minute'
    where l.webhook_config_id = renew_listener.listener;
end $$;
comment on function webhooks.renew_listener(uuid) is 'Moves out the end of a listener of the caller''s, or raises PT404.';
revoke all on function webhooks.renew_listener(uuid) from public, anon, authenticated, service_role;

-- schemas/listeners/start_webhook_listener.sql
create or replace function webhooks.start_webhook_listener(events text[])
returns jsonb
language plpgsql
-- definer: behind public.start_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- each is one more delivery of every event that it listens to
    _most constant integer := 20;
    _id uuid := gen_random_uuid();
    _name text := 'listen-' || left(_id::text, 8);
begin
    if coalesce(cardinality(start_webhook_listener.events), 0) = 0 then
        raise exception 'a listener needs events' using errcode = '22023', hint = 'For example {user.*}, or {*} for all.';
    end if;
    -- workers do this too, where they run
    perform webhooks.delete_expired_listeners();
    if (select count(*) from webhooks.listeners as l where l.expires_at > now()) >= _most then
        raise exception '% listeners are running already', _most
            using errcode = 'PT429', hint = 'End one with Ctrl-C; the endpoints whose URL begins with listen:// are theirs.';
    end if;
    insert into webhooks.listeners (webhook_config_id, owner, expires_at)
    values (_id, webhooks.listener_owner(), now() + interval '1 minute');
    -- one attempt: the person who watches sends it again
    insert into public.webhook_configurations (id, name, url, events, created_by, max_attempts)
    values (_id, _name, 'listen://' || left(_id::text, 8), start_webhook_listener.events, webhooks.user_id(), 1);
    -- there is no URL to check
    update public.webhook_circuits as h set url_check_at = null where h.webhook_config_id = _id;
    perform webhooks.log_action('start_listener', _id, null, jsonb_build_object('events', start_webhook_listener.events));
    return jsonb_build_object('id', _id, 'name', _name);
end $$;
comment on function webhooks.start_webhook_listener(text[]) is 'Behind public.start_webhook_listener.';
revoke all on function webhooks.start_webhook_listener(text[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.start_webhook_listener(text[]) to authenticated, service_role;

-- schemas/listeners/stop_webhook_listener.sql
create or replace function webhooks.stop_webhook_listener(listener uuid)
returns jsonb
language plpgsql
-- definer: behind public.stop_webhook_listener, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.lock_listener(stop_webhook_listener.listener);
    return webhooks.delete_webhook_endpoint(stop_webhook_listener.listener);
end $$;
comment on function webhooks.stop_webhook_listener(uuid) is 'Behind public.stop_webhook_listener.';
revoke all on function webhooks.stop_webhook_listener(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.stop_webhook_listener(uuid) to authenticated, service_role;

-- schemas/reports/count_deliveries.sql
create or replace function webhooks.count_deliveries(
    begins timestamptz[],
    until timestamptz default 'infinity',
    most integer default null
)
returns table (number integer, delivered bigint, failed bigint, pending bigint, more boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    -- Those that were created, counted in an index, less those that failed or wait, which small tables list: so the
    -- deliveries themselves are not read.
    select b.number::integer, greatest(c.count - f.count - coalesce(w.count, 0), 0), f.count, coalesce(w.count, 0),
           count_deliveries.most in (c.count, f.count)
    from unnest(count_deliveries.begins) with ordinality as b (begins, number)
    cross join lateral (
        select count(*)
        from (
            select from public.webhook_deliveries as d
            where d.created_at >= b.begins and d.created_at <= count_deliveries.until
              and d.created_at < coalesce(count_deliveries.begins[b.number + 1], 'infinity')
            limit count_deliveries.most
        ) as d
    ) as c
    cross join lateral (
        select count(*)
        from (
            select from webhooks.failed_deliveries as f
            where f.created_at >= b.begins and f.created_at <= count_deliveries.until
              and f.created_at < coalesce(count_deliveries.begins[b.number + 1], 'infinity')
            limit count_deliveries.most
        ) as f
    ) as f
    left join (
        select width_bucket(q.created_at, count_deliveries.begins) as number, count(*)
        from webhooks.delivery_queue as q
        where q.created_at <= count_deliveries.until
        group by 1
    ) as w on w.number = b.number
$$;
comment on function webhooks.count_deliveries(timestamptz[], timestamptz, integer) is 'Deliveries by creation time and present status, in buckets that begin at these times, the last one up to a time. most: how many are counted of a bucket; more: it may have others.';
revoke all on function webhooks.count_deliveries(timestamptz[], timestamptz, integer) from public, anon, authenticated, service_role;

-- schemas/reports/dispatcher_uptime.sql
create or replace function webhooks.dispatcher_uptime(since timestamptz)
returns numeric
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- a heartbeat without error covers the five minutes after it, or up to the next one
    with beats as (
        select greatest(r.started_at, since) as covers_from,
               least(r.started_at + interval '5 minutes',
                     lead(r.started_at, 1, now()) over (order by r.started_at)) as covers_until
        from public.webhook_dispatcher_runs as r
        where r.error is null and r.started_at > since - interval '5 minutes'
    ),
    span as (
        -- a system younger than that is measured from its first heartbeat
        select greatest(since, (
            select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at limit 1)) as begins
    )
    select round(100 * coalesce((
               select sum(greatest(0, extract(epoch from b.covers_until - b.covers_from))) from beats as b), 0)
           / nullif(extract(epoch from now() - s.begins), 0), 2)
    from span as s
    where exists (select from public.webhook_dispatcher_runs)
$$;
comment on function webhooks.dispatcher_uptime(timestamptz) is 'The share of the time since a given time that is within five minutes of a heartbeat, in percent; null without one.';
revoke all on function webhooks.dispatcher_uptime(timestamptz) from public, anon, authenticated, service_role;

-- schemas/reports/failing_endpoints.sql
create or replace function webhooks.failing_endpoints(at_most integer)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', f.id, 'name', f.name, 'disabled', f.status = 'disabled', 'circuit', f.state,
        'since', f.since, 'error', f.error, 'waiting', webhooks.waiting_for(f.id, 10000),
        -- the newest one that failed, else one that waits for its next attempt
        'delivery_id', coalesce(
            (select d.delivery_id from webhooks.failed_deliveries as d
             where d.webhook_config_id = f.id order by d.created_at desc, d.delivery_id desc limit 1),
            (select q.delivery_id from webhooks.delivery_queue as q
             where q.webhook_config_id = f.id and not q.ready and q.lease_id is null limit 1))) order by f.since), '[]')
    from (
        select c.id, c.name, s.status, coalesce(h.state, 'closed') as state,
               case s.status when 'disabled' then c.disabled_at else coalesce(h.failing_since, h.since) end as since,
               case s.status when 'disabled' then c.disabled_reason else coalesce(h.last_error, 'the receiver returned ' || h.last_status) end as error
        from public.webhook_configurations as c
        left join public.webhook_circuits as h on h.webhook_config_id = c.id
        cross join lateral (select webhooks.endpoint_status(c, h) as status) as s
        where c.deleted_at is null
          -- most endpoints are neither: without this, each costs a call of the function
          and (c.disabled_at is not null or h.state <> 'closed' or h.failing_since is not null)
          and s.status in ('failing', 'disabled')
        order by since
        limit at_most
    ) as f
$$;
comment on function webhooks.failing_endpoints(integer) is 'Endpoints that deliver nothing now: failing, or disabled by the system; the longest first, with the last error.';
revoke all on function webhooks.failing_endpoints(integer) from public, anon, authenticated, service_role;

-- schemas/reports/finish_webhook_dispatcher_run.sql
create or replace function webhooks.finish_webhook_dispatcher_run(run_id uuid, enqueued integer, error text default null)
returns void
language sql
-- definer: behind public.finish_webhook_dispatcher_run, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    update public.webhook_dispatcher_runs as r
    set enqueued = finish_webhook_dispatcher_run.enqueued,
        error = finish_webhook_dispatcher_run.error,
        finished_at = now()
    where r.id = finish_webhook_dispatcher_run.run_id
$$;
comment on function webhooks.finish_webhook_dispatcher_run(uuid, integer, text) is 'Behind public.finish_webhook_dispatcher_run.';
revoke all on function webhooks.finish_webhook_dispatcher_run(uuid, integer, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.finish_webhook_dispatcher_run(uuid, integer, text) to service_role;

-- schemas/reports/start_webhook_dispatcher_run.sql
create or replace function webhooks.start_webhook_dispatcher_run(source text)
returns jsonb
language sql
-- definer: behind public.start_webhook_dispatcher_run, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into public.webhook_dispatcher_runs (source, due)
    values (left(source, 200), (webhooks.webhook_backlog() ->> 'due')::integer)
    returning jsonb_build_object('run_id', id, 'due', due)
$$;
comment on function webhooks.start_webhook_dispatcher_run(text) is 'Behind public.start_webhook_dispatcher_run.';
revoke all on function webhooks.start_webhook_dispatcher_run(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.start_webhook_dispatcher_run(text) to service_role;

-- schemas/reports/webhook_backlog.sql
create or replace function webhooks.webhook_backlog(at_most integer default 10000)
returns jsonb
language sql
stable
-- definer: behind public.webhook_backlog, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
    select jsonb_build_object(
        'due', (
            select count(*)
            from (
                select 1
                from webhooks.endpoints_with_due() as e (id)
                cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id) as r
                cross join lateral (
                    select 1
                    from webhooks.delivery_queue as q
                    where q.webhook_config_id = r.id and q.ready
                    -- for a circuit that is probed, one request is due
                    limit case when r.state = 'closed' then at_most else 1 end
                ) as due
                where (r.tokens is null or r.tokens >= 1)
                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                union all
                -- retries whose time has come, and expired leases
                select 1
                from webhooks.delivery_queue as q
                cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = q.webhook_config_id) as r
                where not q.ready and q.due_at <= now()
                  and (r.tokens is null or r.tokens >= 1)
                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                limit at_most
            ) as bounded),
        'oldest_due_at', (
            select min(first.due_at)
            from (
                select q.due_at
                from webhooks.endpoints_with_due() as e (id)
                cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = e.id) as r
                cross join lateral (
                    select q.due_at
                    from webhooks.delivery_queue as q
                    where q.webhook_config_id = r.id and q.ready
                    order by q.due_at
                    limit 1
                ) as q
                -- an endpoint that is at its limit has no delivery waiting that may go out
                where (r.tokens is null or r.tokens >= 1)
                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                union all
                (
                    select q.due_at
                    from webhooks.delivery_queue as q
                    cross join lateral (select r.* from webhooks.ready_endpoints as r where r.id = q.webhook_config_id) as r
                    where not q.ready and q.due_at <= now()
                      and (r.tokens is null or r.tokens >= 1)
                      and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)
                    order by q.due_at
                    limit 1
                )
            ) as first),
        'unchecked_urls', (
            select count(*)
            from (
                select
                from public.webhook_circuits as h
                join public.webhook_configurations as c on c.id = h.webhook_config_id
                where h.url_check_at <= now() and c.deleted_at is null
                limit 100
            ) as bounded))
$$;
comment on function webhooks.webhook_backlog(integer) is 'Behind public.webhook_backlog.';
revoke all on function webhooks.webhook_backlog(integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_backlog(integer) to service_role;

-- schemas/reports/webhook_diagnosis.sql
-- What `webhooks doctor` asks a database: which migrations it has, whether the grants are right, who is an admin, and its clock.

create or replace function webhooks.webhook_diagnosis()
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_diagnosis, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _applied jsonb;
begin
    select coalesce(jsonb_agg(jsonb_build_object(
        'name', m.name, 'checksum', m.checksum, 'package_version', m.package_version) order by m.name), '[]')
    into _applied
    from webhooks.migrations as m;
    return jsonb_build_object(
        'now', clock_timestamp(),
        'held', (
            select jsonb_build_object('project', i.project, 'held_for', i.held_for, 'since', i.held_since)
            from webhooks.installation as i
            where i.held_for is not null),
        'wake_up', (
            select jsonb_build_object('gateway_url', i.gateway_url, 'problem', webhooks.wake_up_problem())
            from webhooks.installation as i
            where i.gateway_url is not null),
        'postgres', current_setting('server_version'),
        'setup', webhooks.setup_steps(),
        'migrations', _applied,
        -- grants, policies and row security that differ from what is expected
        'access', (
            select coalesce(jsonb_agg(to_jsonb(d)), '[]') from webhooks.access_differences() as d),
        -- what lets users make themselves webhook admins
        'admins', (
            select coalesce(jsonb_agg(to_jsonb(p)), '[]') from webhooks.admin_problems() as p),
        -- attached events whose trigger is missing, as after a restore, or whose table has changed since
        'triggers', webhooks.broken_triggers(),
        'unsigned_endpoints', (
            select count(*) from public.webhook_configurations as e
            where e.is_active and e.id not in (select l.webhook_config_id from webhooks.listeners as l) and not exists (
                select from webhooks.endpoint_secrets as s where s.webhook_config_id = e.id and s.secret_key is not null)),
        'url_warnings', (
            select coalesce(jsonb_agg(to_jsonb(w) order by w.name), '[]')
            from (
                select c.id, c.name, h.url_warning as warning
                from public.webhook_circuits as h
                join public.webhook_configurations as c on c.id = h.webhook_config_id
                where c.is_active and h.url_warning is not null
                order by c.name
                limit 20
            ) as w),
        'extensions', (
            select coalesce(jsonb_agg(x.extname order by x.extname), '[]')
            from pg_catalog.pg_extension as x
            where x.extname in ('pg_cron', 'pg_net', 'pg_jsonschema')));
end $$;
comment on function webhooks.webhook_diagnosis() is 'Behind public.webhook_diagnosis.';
revoke all on function webhooks.webhook_diagnosis() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_diagnosis() to service_role;

-- schemas/reports/webhook_figures.sql
create or replace function webhooks.webhook_figures(
    webhook_config_id uuid default null,
    unit text default 'hour',
    count integer default 24
)
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_figures, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    _width interval;
    _from timestamptz;
begin
    if unit is null or unit not in ('hour', 'day') or count is null or count not between 1 and 200 then
        raise exception 'figures are by hour or day, 1 to 200 of them' using errcode = '22023';
    end if;
    _width := ('1 ' || unit)::interval;
    _from := date_trunc(unit, now(), 'UTC') - (count - 1) * _width;
    return (
        with figures as (
            select o.*
            from webhooks.delivery_rollups as o
            where o.hour >= _from
              and case
                  when webhook_figures.webhook_config_id is null
                      then o.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                  else o.webhook_config_id = webhook_figures.webhook_config_id
              end
        ),
        parts as (
            select date_trunc(unit, o.hour, 'UTC') as at, sum(o.attempts) as attempts, sum(o.failed_attempts) as failed
            from figures as o
            group by 1
        ),
        entries as (
            select c.at, array_agg(c.count order by c.n) as durations
            from (
                select date_trunc(unit, o.hour, 'UTC') as at, e.n, sum(e.count)::bigint as count
                from figures as o, unnest(o.durations) with ordinality as e (count, n)
                group by 1, 2
            ) as c
            group by c.at
        ),
        events as (
            select o.event_type, sum(o.attempts) as attempts, sum(o.failed_attempts) as failed
            from figures as o
            group by o.event_type
        ),
        busiest as (
            select c.id, c.name, o.attempts, o.failed
            from (
                select o.webhook_config_id, sum(o.attempts) as attempts, sum(o.failed_attempts) as failed
                from figures as o
                group by o.webhook_config_id
            ) as o
            join public.webhook_configurations as c on c.id = o.webhook_config_id and c.deleted_at is null
            where webhook_figures.webhook_config_id is null
            order by o.attempts desc, c.name
            limit 5
        ),
        -- of the newest thousand: enough to see what a receiver responds with
        responses as (
            select d.response_status, d.status = 'delivered' as delivered, count(*) as deliveries
            from (
                select d.response_status, d.status, d.attempts
                from public.webhook_deliveries as d
                where d.webhook_config_id = webhook_figures.webhook_config_id
                order by d.created_at desc, d.id desc
                limit 1000
            ) as d
            where d.attempts > 0
            group by 1, 2
        )
        select jsonb_build_object(
            'unit', unit,
            'at', jsonb_agg(s.at order by s.at),
            'delivered', jsonb_agg(coalesce(p.attempts - p.failed, 0) order by s.at),
            'failed', jsonb_agg(coalesce(p.failed, 0) order by s.at),
            'p50_ms', jsonb_agg(webhooks.duration_percentile(d.durations, 0.5) order by s.at),
            'p95_ms', jsonb_agg(webhooks.duration_percentile(d.durations, 0.95) order by s.at),
            'events', (
                select coalesce(jsonb_object_agg(v.event_type, jsonb_build_object(
                    'attempts', v.attempts, 'failed_attempts', v.failed, 'deliveries', v.attempts - v.failed)), '{}')
                from events as v),
            'endpoints', (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'id', b.id, 'name', b.name, 'attempts', b.attempts, 'failed_attempts', b.failed,
                    'success_percent', trunc(100.0 * (b.attempts - b.failed) / nullif(b.attempts, 0), 1),
                    'p95_ms', (
                        select webhooks.duration_percentile(array_agg(c.count order by c.n), 0.95)
                        from (
                            select e.n, sum(e.count)::bigint as count
                            from figures as o, unnest(o.durations) with ordinality as e (count, n)
                            where o.webhook_config_id = b.id
                            group by e.n
                        ) as c)
                    ) order by b.attempts desc, b.name), '[]')
                from busiest as b),
            'responses', (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'status', r.response_status, 'delivered', r.delivered, 'deliveries', r.deliveries)
                    order by r.deliveries desc, r.response_status, r.delivered), '[]')
                from responses as r))
        from generate_series(_from, now(), _width) as s (at)
        left join parts as p on p.at = s.at
        left join entries as d on d.at = s.at);
end $$;
comment on function webhooks.webhook_figures(uuid, text, integer) is 'Behind public.webhook_figures.';
revoke all on function webhooks.webhook_figures(uuid, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_figures(uuid, text, integer) to authenticated, service_role;

-- schemas/reports/webhook_health.sql
create or replace function webhooks.webhook_health()
returns jsonb
language sql
stable
-- definer: behind public.webhook_health, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select webhooks.webhook_backlog() || jsonb_build_object(
        'last_hour', (
            select jsonb_build_object(
                'total', count(*),
                'delivered', count(*) filter (where d.status = 'delivered'),
                'failed', count(*) filter (where d.status = 'failed'),
                'pending', count(*) filter (where d.status in ('pending', 'processing')))
            from public.webhook_deliveries as d
            where d.created_at > now() - interval '1 hour'
              and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)),
        'endpoints', (
            select jsonb_build_object(
                'active', count(*) filter (where c.is_active),
                'inactive', count(*) filter (where not c.is_active))
            from public.webhook_configurations as c
            where c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        'last_run', (
            select jsonb_build_object('run_id', r.id, 'started_at', r.started_at, 'due', r.due,
                                      'enqueued', r.enqueued, 'error', r.error)
            from public.webhook_dispatcher_runs as r
            order by r.started_at desc
            limit 1))
$$;
comment on function webhooks.webhook_health() is 'Behind public.webhook_health.';
revoke all on function webhooks.webhook_health() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_health() to service_role;

-- schemas/reports/webhook_histogram.sql
create or replace function webhooks.webhook_histogram(
    created_from timestamptz,
    created_until timestamptz default null,
    bucket_seconds integer default 900,
    event_type text default null,
    status text default null,
    webhook_config_id uuid default null,
    request_id uuid default null,
    payload_path text default null,
    payload_value text default null,
    response_status integer default null
)
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_histogram, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
-- planned for the filters that are given: the others vanish from the plan
set plan_cache_mode = force_custom_plan
-- in the order of an index, so that a bucket reads no more than it counts
set enable_hashjoin = off
set enable_mergejoin = off
-- switched on below where it must be; named here, it comes back with the function's end
set enable_sort = off
set enable_seqscan = off
set max_parallel_workers_per_gather = 0
set jit = off
as $$
declare
    -- rows that are read of a bucket: so a page costs no more for a large table than for a small one
    _most constant integer := 500;
    -- entries of an index
    _most_of_all constant integer := 10000;
    _path text[] := string_to_array(nullif(trim(payload_path), ''), '.');
    _until timestamptz := coalesce(created_until, now());
    _first double precision := floor(extract(epoch from created_from) / nullif(bucket_seconds, 0));
    _buckets integer := floor(extract(epoch from _until) / nullif(bucket_seconds, 0)) - _first + 1;
begin
    perform webhooks.check_payload_search(payload_path);
    if created_from is null or bucket_seconds is null or bucket_seconds < 1 or _buckets not between 1 and 200 then
        raise exception 'a histogram has 1 to 200 buckets of 1 second or more'
            using errcode = '22023', hint = 'Choose bucket_seconds so that they cover created_from to created_until.';
    end if;
    if coalesce(event_type, payload_path, webhook_config_id::text, request_id::text, response_status::text) is null
        and coalesce(status, 'failed') in ('delivered', 'failed', 'unfinished')
    then
        -- by no more than their status: counted in indexes, which costs less
        return (
            select jsonb_build_object(
                'bucket_seconds', bucket_seconds,
                'at', jsonb_agg(((_first + c.number - 1) * bucket_seconds)::bigint order by c.number),
                'delivered', jsonb_agg(case when coalesce(status, 'delivered') = 'delivered' then c.delivered else 0 end order by c.number),
                'failed', jsonb_agg(case when coalesce(status, 'failed') = 'failed' then c.failed else 0 end order by c.number),
                'pending', jsonb_agg(case when coalesce(status, 'unfinished') = 'unfinished' then c.pending else 0 end order by c.number),
                'more', jsonb_agg(case status when 'failed' then c.failed = _most_of_all when 'unfinished' then false else c.more end order by c.number))
            from webhooks.count_deliveries(
                array(
                    select greatest(to_timestamp((_first + n) * bucket_seconds), created_from)
                    from generate_series(0, _buckets - 1) as n),
                _until, _most_of_all) as c);
    end if;
    if request_id is not null then
        -- one event's deliveries are few: found by its index, and sorted
        perform set_config('enable_sort', 'on', true);
    end if;
    return (
        select jsonb_build_object(
            'bucket_seconds', bucket_seconds,
            'at', jsonb_agg(extract(epoch from b.at)::bigint order by b.at),
            'delivered', jsonb_agg(c.delivered order by b.at),
            'failed', jsonb_agg(c.failed order by b.at),
            'pending', jsonb_agg(c.pending order by b.at),
            'more', jsonb_agg(c.read = _most order by b.at))
        from (
            select to_timestamp((_first + n) * bucket_seconds) as at, to_timestamp((_first + n + 1) * bucket_seconds) as before
            from generate_series(0, _buckets - 1) as n
        ) as b
        cross join lateral (
            select count(*) as read,
                   count(*) filter (where d.matches and d.status = 'delivered') as delivered,
                   count(*) filter (where d.matches and d.status = 'failed') as failed,
                   count(*) filter (where d.matches and d.status in ('pending', 'processing')) as pending
            from (
                select s.status,
                       (webhook_histogram.event_type is null or s.event_type = webhook_histogram.event_type)
                       and (webhook_histogram.status is null
                            or s.status = webhook_histogram.status
                            or (webhook_histogram.status = 'unfinished' and s.status in ('pending', 'processing')))
                       and (webhook_histogram.response_status is null or s.response_status = webhook_histogram.response_status)
                       and (_path is null or s.payload #>> _path = payload_value
                            or (payload_value is null and s.payload #> _path is not null)) as matches
                from (
                    (
                        select r.*
                        from public.webhook_deliveries as r
                        where webhook_histogram.status is distinct from 'failed'
                          and r.created_at >= greatest(b.at, webhook_histogram.created_from)
                          and r.created_at < b.before and r.created_at <= _until
                          and (webhook_histogram.request_id is null or r.request_id = webhook_histogram.request_id)
                          and (webhook_histogram.webhook_config_id is null
                               or r.webhook_config_id = webhook_histogram.webhook_config_id)
                        order by r.created_at desc, r.id desc
                        limit _most
                    )
                    union all
                    (
                        select r.*
                        from webhooks.failed_deliveries as f
                        join public.webhook_deliveries as r on r.id = f.delivery_id and r.created_at = f.created_at
                        where webhook_histogram.status = 'failed'
                          and f.created_at >= greatest(b.at, webhook_histogram.created_from)
                          and f.created_at < b.before and f.created_at <= _until
                          and (webhook_histogram.request_id is null or r.request_id = webhook_histogram.request_id)
                          and (webhook_histogram.webhook_config_id is null
                               or f.webhook_config_id = webhook_histogram.webhook_config_id)
                        order by f.created_at desc, f.delivery_id desc
                        limit _most
                    )
                ) as s
            ) as d
        ) as c);
end $$;
comment on function webhooks.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) is 'Behind public.webhook_histogram.';
revoke all on function webhooks.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer) to authenticated, service_role;

-- schemas/reports/webhook_metrics.sql
create or replace function webhooks.webhook_metrics()
returns jsonb
language sql
stable
-- definer: behind public.webhook_metrics, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
    select webhooks.webhook_backlog() || jsonb_build_object(
        -- unfinished rows, counted up to 100,000 each
        'pending', (
            select count(*)
            from (
                select from webhooks.delivery_queue as q
                where q.lease_id is null and q.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                limit 100000) as bounded),
        'processing', (
            select count(*)
            from (
                select from webhooks.delivery_queue as q
                where q.lease_id is not null and q.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                limit 100000) as bounded),
        'circuits', (
            select jsonb_build_object(
                'closed', count(*) filter (where coalesce(h.state, 'closed') = 'closed'),
                'half_open', count(*) filter (where h.state = 'half_open'),
                'open', count(*) filter (where h.state = 'open'))
            from public.webhook_configurations as c
            left join public.webhook_circuits as h on h.webhook_config_id = c.id
            where c.is_active and c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        -- those that are not closed by name, a hundred at most
        'troubled', (
            select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'state', t.state)), '[]')
            from (
                select c.id, c.name, h.state
                from public.webhook_circuits as h
                join public.webhook_configurations as c on c.id = h.webhook_config_id
                where c.is_active and h.state <> 'closed'
                order by h.since
                limit 100
            ) as t),
        'endpoints', (
            select jsonb_build_object(
                'active', count(*) filter (where c.is_active),
                'inactive', count(*) filter (where not c.is_active),
                'disabled_by_system', count(*) filter (where c.disabled_at is not null))
            from public.webhook_configurations as c
            where c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        'last_run_at', (
            select r.started_at from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1),
        'now', clock_timestamp())
$$;
comment on function webhooks.webhook_metrics() is 'Behind public.webhook_metrics.';
revoke all on function webhooks.webhook_metrics() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_metrics() to service_role;

-- schemas/reports/webhook_overview.sql
create or replace function webhooks.webhook_overview()
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_overview, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
declare
    _hour constant timestamptz := now() - interval '1 hour';
    _last_hour jsonb;
    _hour_before bigint;
    _circuits jsonb;
    _performance jsonb;
    _backlog jsonb := webhooks.webhook_backlog();
    _last_run public.webhook_dispatcher_runs;
    _disabled integer;
    _active integer;
    _reasons jsonb := '[]';
    _installation webhooks.installation;
    _old timestamptz := (_backlog ->> 'oldest_due_at')::timestamptz;
    _listened uuid[] := webhooks.listened_deliveries();
    -- A backlog is not an outage: workers that claim or record are delivering, however many deliveries wait. The second is by
    -- the workers' clocks, which such a span forgives.
    _working boolean := exists (
            select from webhooks.delivery_queue as q
            where q.lease_id is not null and q.leased_at > now() - interval '5 minutes' and q.delivery_id <> all (_listened))
        or exists (
            select from public.webhook_attempts as a
            where a.started_at > now() - interval '5 minutes' and a.delivery_id <> all (_listened));
begin
    select i.* into _installation from webhooks.installation as i;
    select jsonb_build_object(
        'total', count(*),
        'delivered', count(*) filter (where d.status = 'delivered'),
        'failed', count(*) filter (where d.status = 'failed'),
        'pending', count(*) filter (where d.status in ('pending', 'processing')))
    into _last_hour
    from public.webhook_deliveries as d
    where d.created_at > _hour and d.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l);
    -- counted in an index, less those of listeners
    select (select count(*) from public.webhook_deliveries as d where d.created_at > _hour - interval '1 hour' and d.created_at <= _hour)
         - (select count(*) from webhooks.listeners as l
            join public.webhook_deliveries as d on d.webhook_config_id = l.webhook_config_id
            where d.created_at > _hour - interval '1 hour' and d.created_at <= _hour)
    into _hour_before;

    -- the circuits of endpoints that deliveries go to
    select jsonb_build_object(
        'open', count(*) filter (where h.state = 'open'),
        'half_open', count(*) filter (where h.state = 'half_open'),
        'closed', count(*) filter (where coalesce(h.state, 'closed') = 'closed')),
        count(*)
    into _circuits, _active
    from public.webhook_configurations as c
    left join public.webhook_circuits as h on h.webhook_config_id = c.id
    where c.is_active and c.id not in (select l.webhook_config_id from webhooks.listeners as l);
    select count(*) into _disabled from public.webhook_configurations as c where c.disabled_at is not null;

    select r.* into _last_run from public.webhook_dispatcher_runs as r order by r.started_at desc limit 1;
    select jsonb_build_object(
        'attempts', count(*),
        'p95_ms', percentile_disc(0.95) within group (order by a.duration_ms),
        'max_ms', max(a.duration_ms),
        'dispatcher_uptime_percent', webhooks.dispatcher_uptime(now() - interval '24 hours'),
        'last_run_at', _last_run.started_at)
    into _performance
    from public.webhook_attempts as a
    where a.started_at > _hour and a.delivery_id <> all (_listened);

    -- the reasons for the status, the worst first
    select coalesce(jsonb_agg(jsonb_build_object('severity', r.severity, 'text', r.text, 'about', case
        when r.place in (1, 6) then 'due'
        when r.place in (2, 5, 10) then 'endpoints'
        when r.place in (3, 4) then 'failed'
        when r.place in (7, 8, 9) then 'dispatcher'
    end) order by r.place), '[]')
    into _reasons
    from (values
        (0, 'down', 'No deliveries go out: this database belongs to ' || coalesce(_installation.project, 'no project yet')
            || ', but workers of ' || _installation.held_for || ' ask for its deliveries. Confirm with: webhooks adopt',
            _installation.held_for is not null),
        (12, 'degraded', 'Attached events whose trigger is missing: webhooks doctor lists them, webhooks events reattach recreates them',
            exists (select from webhooks.missing_triggers())),
        (11, 'degraded', 'Grants or policies are wrong: webhooks doctor lists them, webhooks migrate secure repairs them',
            exists (select from webhooks.access_differences())),
        (1, 'down', 'No deliveries go out: one has been waiting since '
            || to_char(_old at time zone 'utc', 'HH24:MI') || ' UTC. Is a worker running?',
            _old < now() - interval '5 minutes' and not _working),
        (2, 'down', 'All circuits are open', _active > 0 and (_circuits ->> 'open')::integer = _active),
        (3, 'down', 'More than half of the last hour''s finished deliveries failed',
            (_last_hour ->> 'failed')::integer > (_last_hour ->> 'delivered')::integer
            and (_last_hour ->> 'failed')::integer >= 10),
        (4, 'degraded', 'More than one in twenty of the last hour''s deliveries failed',
            (_last_hour ->> 'failed')::integer * 20 > (_last_hour ->> 'total')::integer),
        (5, 'degraded', 'Circuits: ' || concat_ws(' and ',
                nullif(_circuits ->> 'open', '0') || ' open', nullif(_circuits ->> 'half_open', '0') || ' half-open'),
            (_circuits ->> 'open')::integer + (_circuits ->> 'half_open')::integer > 0),
        (6, 'degraded', (_backlog ->> 'due') || ' deliveries are due'
            || case when _old < now() - interval '5 minutes' then ', the oldest since ' || to_char(_old at time zone 'utc', 'HH24:MI') || ' UTC' else '' end,
            (_backlog ->> 'due')::integer > 100 or (_old < now() - interval '5 minutes' and _working)),
        (7, 'degraded', 'The dispatcher has not been called for more than 5 minutes',
            _last_run.started_at < now() - interval '5 minutes'),
        (9, 'degraded', 'The dispatcher''s last run failed', _last_run.error is not null),
        (10, 'degraded', 'Endpoints disabled by the system: ' || _disabled, _disabled > 0)
    ) as r (place, severity, text, holds)
    where r.holds
      -- "all circuits are open" says it already, and so does "more than half"
      and not (r.place = 5 and _active > 0 and (_circuits ->> 'open')::integer = _active)
      and not (r.place = 4 and (_last_hour ->> 'failed')::integer > (_last_hour ->> 'delivered')::integer
               and (_last_hour ->> 'failed')::integer >= 10);

    return jsonb_build_object(
        'status', coalesce(_reasons -> 0 ->> 'severity', 'healthy'),
        'reasons', _reasons,
        'failing', webhooks.failing_endpoints(5),
        'trigger_errors', (
            select count(*) from (select from public.webhook_trigger_errors as e where e.resolved_at is null limit 1000) as u),
        'last_hour', _last_hour,
        'hour_before', jsonb_build_object('total', _hour_before),
        'circuits', _circuits,
        'performance', _performance,
        'backlog', _backlog,
        'endpoints', jsonb_build_object('active', _active, 'disabled_by_system', _disabled),
        'setup', webhooks.setup_steps(),
        'as_of', now());
end $$;
comment on function webhooks.webhook_overview() is 'Behind public.webhook_overview.';
revoke all on function webhooks.webhook_overview() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_overview() to authenticated, service_role;

-- schemas/reports/webhook_series.sql
create or replace function webhooks.webhook_series(span interval default '1 hour', buckets integer default 60)
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_series, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    _seconds double precision;
    _from timestamptz;
    -- where buckets begin
    _begins timestamptz[];
    -- From ten minutes on, a bucket's latencies are those of its hours, from the rollups: the attempts of a day are many.
    _hourly boolean;
    _listened uuid[];
begin
    if span is null or span < interval '1 minute' or span > interval '7 days' or buckets is null or buckets not between 1 and 500 then
        raise exception 'a series must span 1 minute to 7 days, in 1 to 500 buckets' using errcode = '22023';
    end if;
    _seconds := extract(epoch from span) / buckets;
    _hourly := _seconds >= 600;
    -- by the clock: a bucket of five minutes begins at :00, :05 and so on. The newest is the one that now() is in.
    _from := to_timestamp((floor(extract(epoch from now()) / _seconds) - buckets + 1) * _seconds);
    _begins := array(select to_timestamp(extract(epoch from _from) + n * _seconds) from generate_series(0, buckets - 1) as n);
    _listened := case when not _hourly then webhooks.listened_deliveries() end;
    return (
        with bucket as (
            select b.number, b.begins, coalesce(_begins[b.number + 1], 'infinity') as ends
            from unnest(_begins) with ordinality as b (begins, number)
        ),
        listened as (
            select width_bucket(d.created_at, _begins) as number,
                   count(*) filter (where d.status = 'delivered') as delivered,
                   count(*) filter (where d.status = 'failed') as failed,
                   count(*) filter (where d.status in ('pending', 'processing')) as pending
            from webhooks.listeners as l
            join public.webhook_deliveries as d on d.webhook_config_id = l.webhook_config_id
            where d.created_at >= _from
            group by 1
        ),
        created as (
            select c.number, c.delivered - coalesce(l.delivered, 0) as delivered, c.failed - coalesce(l.failed, 0) as failed,
                   c.pending - coalesce(l.pending, 0) as pending
            from webhooks.count_deliveries(_begins) as c
            left join listened as l on l.number = c.number
        ),
        tried as (
            select width_bucket(a.started_at, _begins) as number,
                   percentile_disc(0.5) within group (order by a.duration_ms) as p50,
                   percentile_disc(0.95) within group (order by a.duration_ms) as p95
            from public.webhook_attempts as a
            where not _hourly and a.started_at >= _from and a.delivery_id <> all (_listened)
            group by 1
        ),
        hourly as (
            select o.hour, e.n, sum(e.count) as count
            from webhooks.delivery_rollups as o, unnest(o.durations) with ordinality as e (count, n)
            where _hourly and o.hour > _from - interval '1 hour'
              and o.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
            group by 1, 2
        ),
        latency as (
            select t.number, t.p50, t.p95 from tried as t
            union all
            select e.number, webhooks.duration_percentile(e.durations, 0.5), webhooks.duration_percentile(e.durations, 0.95)
            from (
                select s.number, array_agg(s.count order by s.n) as durations
                from (
                    select b.number, h.n, sum(h.count)::bigint as count
                    from bucket as b
                    join hourly as h on h.hour > b.begins - interval '1 hour' and h.hour < b.ends
                    group by 1, 2
                ) as s
                group by s.number
            ) as e
        )
        select jsonb_build_object(
            'from', _from,
            'bucket_seconds', _seconds,
            'at', jsonb_agg(round(extract(epoch from b.begins), 3) order by b.number),
            'delivered', jsonb_agg(c.delivered order by b.number),
            'failed', jsonb_agg(c.failed order by b.number),
            'pending', jsonb_agg(c.pending order by b.number),
            'p50_ms', jsonb_agg(t.p50 order by b.number),
            'p95_ms', jsonb_agg(t.p95 order by b.number))
        from bucket as b
        join created as c on c.number = b.number
        left join latency as t on t.number = b.number);
end $$;
comment on function webhooks.webhook_series(interval, integer) is 'Behind public.webhook_series.';
revoke all on function webhooks.webhook_series(interval, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_series(interval, integer) to authenticated, service_role;

-- schemas/setup/adopt_webhook_project.sql
create or replace function webhooks.adopt_webhook_project(project text, pending text, batch_size integer default 1000)
returns jsonb
language plpgsql
-- definer: behind public.adopt_webhook_project, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _ids uuid[];
begin
    if coalesce(trim(adopt_webhook_project.project), '') = '' then
        raise exception 'project must name the project that sends the deliveries' using errcode = '22023';
    end if;
    if adopt_webhook_project.pending is null or adopt_webhook_project.pending not in ('deliver', 'discard') then
        raise exception 'pending must be deliver or discard, not %', coalesce(adopt_webhook_project.pending, 'null')
            using errcode = '22023', hint = 'discard marks pending deliveries as failed, so that a copy sends none of the original''s.';
    end if;
    if adopt_webhook_project.pending = 'discard' then
        _ids := array(
            select q.delivery_id from webhooks.delivery_queue as q
            order by q.delivery_id
            limit least(greatest(coalesce(adopt_webhook_project.batch_size, 1000), 1), 10000)
            for update);
        update public.webhook_deliveries as d
        set status = 'failed', finished_at = now(), error_message = 'discarded: this database is a copy of another project''s'
        where d.id = any (_ids) and d.status in ('pending', 'processing');
        -- rows without a delivery
        delete from webhooks.delivery_queue as q where q.delivery_id = any (_ids);
        if exists (select from webhooks.delivery_queue) then
            return jsonb_build_object('project', null, 'discarded', cardinality(_ids), 'more', true);
        end if;
    end if;
    insert into webhooks.installation as i (project) values (adopt_webhook_project.project)
    on conflict (only_row) do update
    set project = excluded.project, held_for = null, held_since = null,
        -- that of the original
        gateway_url = case when i.project = excluded.project then i.gateway_url end,
        drain_seconds = case when i.project = excluded.project then i.drain_seconds end;
    perform webhooks.log_action('adopt_project', null, null, jsonb_build_object(
        'project', adopt_webhook_project.project, 'pending', adopt_webhook_project.pending));
    perform webhooks.wake_workers();
    return jsonb_build_object(
        'project', adopt_webhook_project.project, 'discarded', coalesce(cardinality(_ids), 0), 'more', false);
end $$;
comment on function webhooks.adopt_webhook_project(text, text, integer) is 'Behind public.adopt_webhook_project.';
revoke all on function webhooks.adopt_webhook_project(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.adopt_webhook_project(text, text, integer) to service_role;

-- schemas/setup/call_by_cron.sql
-- For the database's owner, in the SQL editor or by `webhooks cron database`.
create or replace function webhooks.call_by_cron(gateway_url text)
returns text
language plpgsql
-- invoker, and for the owner alone: it says where the dispatch token is sent
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _gateway text := rtrim(call_by_cron.gateway_url, '/');
    _problem text;
begin
    if to_regclass('cron.job') is null then
        raise exception 'pg_cron is not enabled: enable it under Database > Extensions' using errcode = '55000';
    end if;
    if _gateway is null then
        execute 'select cron.unschedule(j.jobname) from cron.job as j where j.jobname = $1' using 'webhook-dispatcher';
        return 'pg_cron does not call a gateway';
    end if;
    if _gateway !~ '^https://[^/?#@''[:space:]]+(/[^?#@''[:space:]]*)?$' then
        raise exception 'gateway_url must be the gateway''s address, such as https://gateway.example.com'
            using errcode = '22023', hint = 'Without the function''s path, a query or a password. https is required, since the dispatch token is sent there.';
    end if;
    _problem := webhooks.wake_up_problem();
    if _problem is not null then
        raise exception '%', _problem using errcode = '55000';
    end if;
    -- the token is read at each call, so that the job does not contain it
    execute 'select cron.schedule($1, $2, $3)'
    using 'webhook-dispatcher', '* * * * *', format($job$
    select net.http_post(
        url := %L,
        headers := jsonb_build_object(
            'Content-Type', 'application/json',
            'Authorization', 'Bearer ' || (
                select decrypted_secret from vault.decrypted_secrets where name = 'webhooks_dispatch_token')),
        body := '{}'::jsonb,
        timeout_milliseconds := 30000)
$job$, _gateway || '/functions/v1/webhook-dispatcher');
    return 'pg_cron calls ' || _gateway || ' once a minute';
end $$;
comment on function webhooks.call_by_cron(text) is 'Makes pg_cron call the gateway once a minute through pg_net, with the dispatch token from Vault. A null address turns it off. For the owner of the database.';
revoke all on function webhooks.call_by_cron(text) from public, anon, authenticated, service_role;

-- schemas/setup/hold_for.sql
create or replace function webhooks.hold_for(project text)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _row webhooks.installation;
begin
    select i.* into _row from webhooks.installation as i;
    -- the usual case, without a write; a caller that names no project is a person at the SQL editor
    if hold_for.project is null or (_row.project = hold_for.project and _row.held_for is null) then
        return null;
    end if;
    insert into webhooks.installation as i (project) values (hold_for.project)
    on conflict (only_row) do update
    set project = coalesce(i.project, excluded.project),
        held_for = case when i.project <> excluded.project then excluded.project end,
        held_since = case when i.project <> excluded.project then
            case when i.held_for = excluded.project then i.held_since else now() end end
    returning i.* into _row;
    if _row.held_for is null then
        return null;
    end if;
    return jsonb_build_object('project', _row.project, 'held_for', _row.held_for, 'since', _row.held_since);
end $$;
comment on function webhooks.hold_for(text) is 'Null if a project''s workers may claim: the database belongs to the project, or to none yet. Else its project, and since when it is held.';
revoke all on function webhooks.hold_for(text) from public, anon, authenticated, service_role;

-- schemas/setup/setup_steps.sql
-- The steps of the setup that the database knows of; webhooks/steps.py says what each is.
create or replace function webhooks.setup_steps()
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_build_object(
        'cron', exists (select from public.webhook_dispatcher_runs),
        'endpoint', exists (
            select from public.webhook_configurations as c
            where c.id not in (select l.webhook_config_id from webhooks.listeners as l)),
        -- of the newest thousand, so that this costs little however long history is: that many were not sent without a setup
        'event', (
            select count(*) = 1000 or coalesce(bool_or(d.status = 'delivered'), false)
            from (
                select n.status
                from public.webhook_deliveries as n
                where n.webhook_config_id not in (select l.webhook_config_id from webhooks.listeners as l)
                order by n.created_at desc, n.id desc
                limit 1000
            ) as d))
$$;
comment on function webhooks.setup_steps() is 'Which steps of the setup are done: the cron has called, there is an endpoint, an event was delivered.';
revoke all on function webhooks.setup_steps() from public, anon, authenticated, service_role;

-- schemas/setup/webhook_can_write.sql
create or replace function webhooks.webhook_can_write()
returns jsonb
language plpgsql
-- definer: behind public.webhook_can_write, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '1s'
as $$
begin
    if pg_is_in_recovery() then
        return jsonb_build_object('writable', false, 'why', 'this is a read replica, or the database is recovering');
    end if;
    insert into webhooks.write_probe as p (probed_at) values (now())
    on conflict (only_row) do update set probed_at = excluded.probed_at
    -- two calls within a second need only one write
    where p.probed_at < now() - interval '1 second';
    return jsonb_build_object('writable', true, 'why', null);
exception
    when read_only_sql_transaction then
        return jsonb_build_object('writable', false, 'why', 'the database is read-only; Supabase does that when the disk is full');
    when disk_full then
        return jsonb_build_object('writable', false, 'why', 'the disk is full');
    when lock_not_available then
        -- another call is writing right now
        return jsonb_build_object('writable', true, 'why', null);
end $$;
comment on function webhooks.webhook_can_write() is 'Behind public.webhook_can_write.';
revoke all on function webhooks.webhook_can_write() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_can_write() to service_role;

-- schemas/setup/webhook_version.sql
-- Asked once by workers and gateway when they start. A release raises `database` when it changes a function that they
-- call, and `oldest_client` when the release before it no longer works on the new SQL.
create or replace function public.webhook_version()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return '{"database": 1, "oldest_client": 1}';
end $$;
comment on function public.webhook_version() is 'The version of this SQL, and the oldest version of workers and gateway that works on it.';
revoke all on function public.webhook_version() from public, anon, authenticated, service_role;
grant execute on function public.webhook_version() to service_role;

-- schemas/tokens/create_webhook_api_token.sql
create or replace function webhooks.create_webhook_api_token(
    name text,
    scopes text[],
    expires_after interval default '90 days'
)
returns jsonb
language plpgsql
-- definer: behind public.create_webhook_api_token, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _name text := btrim(create_webhook_api_token.name);
    _known text[] := '{read,manage,dispatch}';
    _token text := 'whk_' || encode(webhooks.random_key(), 'hex');
    _made webhooks.api_tokens;
    _shown jsonb;
begin
    if coalesce(length(_name) not between 1 and 100 or _name ~ '[[:cntrl:]]', true) then
        raise exception 'an API token needs a name of at most 100 characters, without control characters'
            using errcode = '22023';
    end if;
    if not coalesce(cardinality(create_webhook_api_token.scopes) > 0 and create_webhook_api_token.scopes <@ _known, false) then
        raise exception 'an API token needs scopes: read, manage or dispatch' using errcode = '22023';
    end if;
    if expires_after <= interval '0' then
        raise exception 'expires_after must be an interval above 0, or null for a token that does not expire'
            using errcode = '22023';
    end if;
    insert into webhooks.api_tokens (name, prefix, hash, scopes, created_by, expires_at)
    values (
        _name, left(_token, 12), encode(sha256(convert_to(_token, 'UTF8')), 'hex'),
        array(select s from unnest(_known) as s where s = any (create_webhook_api_token.scopes)),
        webhooks.actor(), now() + expires_after)
    returning * into _made;
    _shown := jsonb_build_object(
        'id', _made.id, 'name', _made.name, 'prefix', _made.prefix, 'scopes', _made.scopes, 'expires_at', _made.expires_at);
    perform webhooks.log_action('create_token', null, null, _shown);
    return _shown || jsonb_build_object('token', _token);
end $$;
comment on function webhooks.create_webhook_api_token(text, text[], interval) is 'Behind public.create_webhook_api_token.';
revoke all on function webhooks.create_webhook_api_token(text, text[], interval) from public, anon, authenticated, service_role;
grant execute on function webhooks.create_webhook_api_token(text, text[], interval) to authenticated, service_role;

-- schemas/tokens/find_webhook_api_token.sql
create or replace function webhooks.find_webhook_api_token(hash text)
returns jsonb
language plpgsql
-- definer: behind public.find_webhook_api_token, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _token webhooks.api_tokens;
begin
    select t.* into _token
    from webhooks.api_tokens as t
    where t.hash = find_webhook_api_token.hash
      and t.revoked_at is null
      and (t.expires_at is null or t.expires_at > now());
    if not found then
        return null;
    end if;
    -- once a minute, so that a busy token does not write with each request; a project whose disk is full only reads
    if coalesce(_token.last_used_at < now() - interval '1 minute', true)
        and current_setting('transaction_read_only') = 'off' then
        update webhooks.api_tokens as t
        set last_used_at = now()
        where t.id = _token.id and coalesce(t.last_used_at < now() - interval '1 minute', true);
    end if;
    return jsonb_build_object('id', _token.id, 'name', _token.name, 'prefix', _token.prefix, 'scopes', _token.scopes);
end $$;
comment on function webhooks.find_webhook_api_token(text) is 'Behind public.find_webhook_api_token.';
revoke all on function webhooks.find_webhook_api_token(text) from public, anon, authenticated, service_role;
grant execute on function webhooks.find_webhook_api_token(text) to service_role;

-- schemas/tokens/list_webhook_api_tokens.sql
create or replace function webhooks.list_webhook_api_tokens()
returns jsonb
language sql
stable
-- definer: behind public.list_webhook_api_tokens, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(
        jsonb_build_object(
            'id', s.id, 'name', s.name, 'prefix', s.prefix, 'scopes', s.scopes, 'status', s.status,
            'created_by', s.created_by, 'created_at', s.created_at, 'expires_at', s.expires_at,
            'last_used_at', s.last_used_at, 'revoked_at', s.revoked_at)
        order by s.status <> 'active', s.created_at desc, s.id), '[]')
    from (
        select t.*,
               case when t.revoked_at is not null then 'revoked'
                    when t.expires_at <= now() then 'expired'
                    else 'active' end as status
        from webhooks.api_tokens as t
        -- those that ended long ago are in the log of actions
        where least(t.revoked_at, t.expires_at) is null
           or least(t.revoked_at, t.expires_at) > now() - interval '30 days'
    ) as s
$$;
comment on function webhooks.list_webhook_api_tokens() is 'Behind public.list_webhook_api_tokens.';
revoke all on function webhooks.list_webhook_api_tokens() from public, anon, authenticated, service_role;
grant execute on function webhooks.list_webhook_api_tokens() to authenticated, service_role;

-- schemas/tokens/revoke_webhook_api_token.sql
create or replace function webhooks.revoke_webhook_api_token(token_id uuid)
returns jsonb
language plpgsql
-- definer: behind public.revoke_webhook_api_token, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _token webhooks.api_tokens;
begin
    update webhooks.api_tokens as t
    set revoked_at = now()
    where t.id = revoke_webhook_api_token.token_id and t.revoked_at is null
    returning t.* into _token;
    if found then
        perform webhooks.log_action('revoke_token', null, null, jsonb_build_object(
            'id', _token.id, 'name', _token.name, 'prefix', _token.prefix, 'scopes', _token.scopes));
    else
        select t.* into _token from webhooks.api_tokens as t where t.id = revoke_webhook_api_token.token_id;
        if not found then
            raise exception 'API token % does not exist', coalesce(revoke_webhook_api_token.token_id::text, 'null')
                using errcode = 'PT404';
        end if;
    end if;
    return jsonb_build_object('id', _token.id, 'name', _token.name, 'prefix', _token.prefix, 'revoked_at', _token.revoked_at);
end $$;
comment on function webhooks.revoke_webhook_api_token(uuid) is 'Behind public.revoke_webhook_api_token.';
revoke all on function webhooks.revoke_webhook_api_token(uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.revoke_webhook_api_token(uuid) to authenticated, service_role;

-- schemas/triggers/base_type.sql
create or replace function webhooks.base_type(type oid)
returns oid
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with recursive domain as (
        select t.oid, t.typtype, t.typbasetype from pg_type as t where t.oid = base_type.type
        union all
        select t.oid, t.typtype, t.typbasetype from domain as d join pg_type as t on d.typtype = 'd' and t.oid = d.typbasetype
    )
    select d.oid from domain as d where d.typtype <> 'd'
$$;
comment on function webhooks.base_type(oid) is 'The type that a domain is made of, else the type itself.';
revoke all on function webhooks.base_type(oid) from public, anon, authenticated, service_role;

-- schemas/triggers/broken_triggers.sql
-- What would lose events from the next change on: found before it happens, by planning each query without running it.
create or replace function webhooks.broken_triggers()
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_diagnosis, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger record;
    _problem text;
    _broken jsonb := '[]';
begin
    for _trigger in select t.* from public.webhook_triggers as t where t.enabled order by t.source::text, t.event_type loop
        _problem := case
            when not exists (select from pg_class as c where c.oid = _trigger.source) then 'the table was dropped'
            when not exists (
                select from pg_trigger as g
                where g.tgrelid = _trigger.source and g.tgname = _trigger.trigger_name and g.tgenabled in ('O', 'A')
            ) then format('the trigger %s was dropped or disabled', _trigger.trigger_name)
        end;
        -- the query has the expressions of virtual columns as they were when it was attached
        _problem := coalesce(_problem, (
            select format('the expression of the column %s has changed', string_agg(a.attname, ', '))
            from pg_attribute as a
            join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where a.attrelid = _trigger.source and a.attgenerated = 'v'
              and strpos(_trigger.query, pg_get_expr(d.adbin, d.adrelid)) = 0
            having count(*) > 0));
        if _problem is null then
            begin
                execute format('with new_rows as (select * from %1$s limit 0), old_rows as (select * from %1$s limit 0) %2$s',
                               _trigger.source, _trigger.query);
            exception when others then
                _problem := sqlerrm;
            end;
        end if;
        if _problem is not null then
            _broken := _broken || jsonb_build_object(
                'source', _trigger.source::text, 'event_type', _trigger.event_type, 'operation', _trigger.operation,
                'problem', _problem);
        end if;
    end loop;
    return _broken;
end $$;
comment on function webhooks.broken_triggers() is 'The attached triggers that currently cannot emit, each with its problem: a list of {"source", "event_type", "operation", "problem"}.';
revoke all on function webhooks.broken_triggers() from public, anon, authenticated, service_role;

-- schemas/triggers/change_identity.sql
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

-- schemas/triggers/change_key.sql
-- One statement's changed rows become events by one insert, in the same transaction, and an error on the way never
-- fails the change. A dispatch_webhook for a change that a trigger has already emitted returns that event's result.

create or replace function webhooks.change_key(event_type text, identity text[], data jsonb, actor_user_id uuid)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select change_key.event_type || ':' || encode(sha256(convert_to(string_agg(
        case
            when part.name = '@actor' then coalesce(change_key.actor_user_id::text, 'null')
            -- a caller may write a uuid in upper case
            else coalesce(webhooks.uuid_or_null(change_key.data ->> part.name)::text,
                          (change_key.data -> part.name)::text, 'null')
        end, chr(10) order by part.position), 'UTF8')), 'hex')
    from unnest(change_key.identity) with ordinality as part (name, position)
$$;
comment on function webhooks.change_key(text, text[], jsonb, uuid) is 'The deterministic idempotency key of a change: event type, and a hash of the values that identify it.';
revoke all on function webhooks.change_key(text, text[], jsonb, uuid) from public, anon, authenticated, service_role;

-- schemas/triggers/change_scope.sql
-- The keys of changes are each transaction's own: two open ones that emit the same fact never wait for each other.
create or replace function webhooks.change_scope()
returns text
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return 'change:' || pg_current_xact_id()::text;
end $$;
comment on function webhooks.change_scope() is 'The scope of idempotency keys for the changes of this transaction.';
revoke all on function webhooks.change_scope() from public, anon, authenticated, service_role;

-- schemas/triggers/changed_rows_sql.sql
create or replace function webhooks.changed_rows_sql(source regclass, operation text, keys_only boolean)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select format('select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(%s, ''user'', webhooks.user_sub()))) from %s',
        case
            when changed_rows_sql.keys_only then format('''row'', %s', (
                select webhooks.json_object_sql(array_agg(format('%L, %I.%I::text', a.attname, c.alias, a.attname) order by a.attnum))
                from pg_index as i
                join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                where i.indrelid = changed_rows_sql.source and i.indisprimary))
            when changed_rows_sql.operation = 'update' then format('''new'', %s, ''old'', %s',
                webhooks.row_sql(changed_rows_sql.source, 'new'), webhooks.row_sql(changed_rows_sql.source, 'old'))
            else format('%L, %s', c.alias, webhooks.row_sql(changed_rows_sql.source, c.alias))
        end,
        case changed_rows_sql.operation
            when 'update' then 'new_rows as new join old_rows as old on ' || webhooks.same_row_sql(changed_rows_sql.source, 'new', 'old')
            else format('%1$s_rows as %1$s', c.alias)
        end)
    from (select case changed_rows_sql.operation when 'delete' then 'old' else 'new' end as alias) as c
$$;
comment on function webhooks.changed_rows_sql(regclass, text, boolean) is 'The SQL for what webhook_trigger_errors keeps of a statement''s rows: {"new", "old", "user"} each, or {"row", "user"} with the primary key.';
revoke all on function webhooks.changed_rows_sql(regclass, text, boolean) from public, anon, authenticated, service_role;

-- schemas/triggers/column_or_sql.sql
create or replace function webhooks.column_or_sql(source regclass, alias text, value text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce((
        select format('%I.%I', column_or_sql.alias, a.attname)
        from pg_catalog.pg_attribute as a
        where a.attrelid = column_or_sql.source and a.attname = column_or_sql.value and a.attnum > 0 and not a.attisdropped
    ), '(' || column_or_sql.value || ')')
$$;
comment on function webhooks.column_or_sql(regclass, text, text) is 'The SQL for a value given to webhook_attach: a column of the table, else SQL over new and old.';
revoke all on function webhooks.column_or_sql(regclass, text, text) from public, anon, authenticated, service_role;

-- schemas/triggers/emit_changes.sql
create or replace function webhooks.emit_changes(
    source text,
    operation text,
    event_type text,
    identity text[],
    data jsonb[],
    actors uuid[],
    tenants text[] default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
-- nothing tells the planner how many rows an array holds: nested loops over 10,000 of them take 20 s
set enable_nestloop = off
set jit = off
as $$
declare
    _type public.webhook_event_types;
begin
    select t.* into _type from public.webhook_event_types as t where t.name = emit_changes.event_type;
    if not found or _type.analytics_destination is not null then
        raise exception 'webhook event type "%" is not in the catalog', emit_changes.event_type
            -- not caused by a row's data, so not of class 22
            using errcode = '42704', hint = 'Add it with public.webhook_define_event, or detach the trigger with public.webhook_detach.';
    end if;

    with endpoint as materialized (
        select c.id, c.tenant_id
        from public.webhook_configurations as c
        where c.is_active
          and c.events && array[_type.name, split_part(_type.name, '.', 1) || '.*', '*']
          and (c.tenant_id is null
               or (c.tenant_id = any (emit_changes.tenants) and _type.audience = 'customers'))
        order by c.id
        -- waits for an endpoint's deletion, and then leaves that one out: else the reference would fail every event
        for key share
    ),
    given as materialized (
        select e.data, e.actor, e.position, emit_changes.tenants[e.position] as tenant, gen_random_uuid() as request_id
        from unnest(emit_changes.data, emit_changes.actors) with ordinality as e (data, actor, position)
    ),
    bodies as materialized (
        select g.*, webhooks.payload(_type.name, g.data, g.actor, g.request_id) as payload from given as g
    ),
    checked as materialized (
        select b.*, coalesce(
                   case when length(b.tenant) not between 1 and 255 then 'its tenant_id must have 1 to 255 characters' end,
                   webhooks.payload_problem(b.payload), webhooks.schema_problem(_type.data_schema, b.data)) as problem
        from bodies as b
    ),
    refused as (
        -- one row that cannot be sent does not stop the others
        insert into public.webhook_trigger_errors (source, event_type, operation, events, code, message, data)
        select emit_changes.source, _type.name, emit_changes.operation, count(*), '22023',
               format('event_data of "%s" is wrong: %s', _type.name, c.problem),
               webhooks.kept_events(emit_changes.identity, array_agg(c.data order by c.position),
                                    array_agg(c.actor order by c.position), array_agg(c.tenant order by c.position))
        from checked as c
        where c.problem is not null
        group by c.problem
    ),
    keyed as materialized (
        select c.*, webhooks.change_key(_type.name, emit_changes.identity, c.data, c.actor) as key
        from checked as c
        where c.problem is null
    ),
    firsts as (
        select distinct on (c.key) c.key, c.request_id, c.actor, c.tenant,
               (select count(*) from endpoint as e where e.tenant_id is null) + coalesce(o.endpoints, 0) as deliveries
        from keyed as c
        left join (
            select e.tenant_id, count(*) as endpoints from endpoint as e where e.tenant_id is not null group by e.tenant_id
        ) as o on o.tenant_id = c.tenant
        order by c.key, c.position
    ),
    known as (
        -- the last change counts: leaving and joining again are two events
        insert into webhooks.idempotency_keys as k (scope, key, request_id, deliveries, actor_user_id, tenant_id)
        select webhooks.change_scope(), f.key, f.request_id, f.deliveries, f.actor, f.tenant
        from firsts as f
        order by f.key
        on conflict on constraint idempotency_keys_pkey do update
        set request_id = case when k.awaits_change and k.created_at = now() then k.request_id else excluded.request_id end,
            deliveries = case when k.awaits_change and k.created_at = now() then k.deliveries else excluded.deliveries end,
            actor_user_id = excluded.actor_user_id, tenant_id = excluded.tenant_id, awaits_change = false, created_at = now()
        returning k.key, k.request_id
    )
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id, tenant_id)
    select r.endpoint, _type.name, c.payload, c.request_id, c.tenant
    from keyed as c
    -- no row of known with that request_id: a server dispatched it before, in this transaction
    join firsts as f on f.key = c.key
    join known as k on k.key = f.key and k.request_id = f.request_id
    join (
        select g.position, e.id as endpoint from given as g cross join endpoint as e where e.tenant_id is null
        union all
        select g.position, e.id from given as g join endpoint as e on e.tenant_id = g.tenant
    ) as r on r.position = c.position
    order by c.position;
end $$;
comment on function webhooks.emit_changes(text, text, text, text[], jsonb[], uuid[], text[]) is 'Creates the deliveries of many events of one type by one statement, in the order given. A row that the catalog rejects is recorded in webhook_trigger_errors.';
revoke all on function webhooks.emit_changes(text, text, text, text[], jsonb[], uuid[], text[]) from public, anon, authenticated, service_role;

-- schemas/triggers/emit_kept.sql
create or replace function webhooks.emit_kept(attached public.webhook_triggers, source text, kept jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _item jsonb;
    _where text;
    _data jsonb[];
    _actors uuid[];
    _tenants text[];
    _problem text;
begin
    for _item in select k.item from jsonb_array_elements(emit_kept.kept) with ordinality as k (item, position) order by k.position loop
        if _item ? 'data' then
            _data := array[_item -> 'data'];
            _actors := array[(_item ->> 'actor')::uuid];
            _tenants := array[_item ->> 'tenant'];
        elsif _item ?| array['new', 'old'] then
            -- for webhooks.user_id(): who did it then, not who retries now
            perform set_config('request.jwt.claim.sub', coalesce(_item ->> 'user', ''), true),
                    set_config('request.jwt.claims', jsonb_strip_nulls(jsonb_build_object('sub', _item -> 'user'))::text, true);
            execute format('with new_rows as (select r.* from jsonb_populate_record(null::%1$s, $1 -> ''new'') as r),'
                           ' old_rows as (select r.* from jsonb_populate_record(null::%1$s, $1 -> ''old'') as r) %2$s',
                           attached.source, attached.query)
            into _data, _actors, _tenants using _item;
        else
            -- by its key, as the table has it now
            select string_agg(format('s.%I::text = %L', a.attname, k.value), ' and ') into _where
            from jsonb_each_text(coalesce(_item -> 'key', _item -> 'row')) as k
            join pg_attribute as a
                on a.attrelid = attached.source and not a.attisdropped
                and a.attname = case when _item ? 'key' then attached.data ->> k.key else k.key end;
            if _where is null or attached.operation = 'delete' then
                raise exception 'neither the event nor a key of its row was kept' using errcode = '22023';
            end if;
            execute format('with new_rows as (select s.* from %1$s as s where %2$s), old_rows as (select * from new_rows) %3$s',
                           attached.source, _where, attached.query)
            into _data, _actors, _tenants;
            if _data is null then
                raise exception 'the row no longer exists, or does not meet the condition' using errcode = '22023';
            end if;
        end if;
        select coalesce(webhooks.payload_problem(d.data), webhooks.schema_problem(t.data_schema, d.data)) into _problem
        from unnest(_data) as d (data)
        join public.webhook_event_types as t on t.name = attached.event_type
        where webhooks.payload_problem(d.data) is not null or webhooks.schema_problem(t.data_schema, d.data) is not null
        limit 1;
        if exists (select from unnest(_tenants) as t (id) where length(t.id) not between 1 and 255) then
            _problem := 'its tenant_id must have 1 to 255 characters';
        end if;
        if _problem is not null then
            raise exception '%', _problem using errcode = '22023';
        end if;
        if _data is not null then
            perform webhooks.emit_changes(
                emit_kept.source, attached.operation, attached.event_type, attached.identity, _data, _actors, _tenants);
        end if;
    end loop;
end $$;
comment on function webhooks.emit_kept(public.webhook_triggers, text, jsonb) is 'Emits the events that webhook_trigger_errors kept, in order, or raises why one cannot be emitted.';
revoke all on function webhooks.emit_kept(public.webhook_triggers, text, jsonb) from public, anon, authenticated, service_role;

-- schemas/triggers/emitted_by_change.sql
create or replace function webhooks.emitted_by_change(event_type text, event_data jsonb, actor_user_id uuid, user_sub text)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    _user uuid := webhooks.uuid_or_null(emitted_by_change.user_sub);
    _sources text;
    _answer jsonb;
begin
    with attached as (
        select t.source, t.identity
        from public.webhook_triggers as t
        where t.event_type = emitted_by_change.event_type and t.enabled
          -- a trigger that was dropped or disabled emits nothing
          and exists (select from pg_catalog.pg_trigger as g
                      where g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A'))
    )
    select (select string_agg(distinct a.source::text, ', ') from attached as a), (
        select jsonb_build_object('request_id', k.request_id, 'deliveries', k.deliveries)
        from attached as a
        join webhooks.idempotency_keys as k
            on k.scope like 'change%'
            and k.key = webhooks.change_key(emitted_by_change.event_type, a.identity, emitted_by_change.event_data,
                                            coalesce(emitted_by_change.actor_user_id, _user))
        where not k.awaits_change
          and (emitted_by_change.user_sub is null or k.actor_user_id = _user or (k.actor_user_id is null
               and (k.tenant_id is null or k.tenant_id in (select webhooks.tenants('read')))))
        order by k.created_at desc
        limit 1)
    into _sources, _answer;
    if _sources is not null and _answer is null and emitted_by_change.user_sub is not null then
        raise exception '"%" is emitted by the database when % changes, and you have made no such change',
            emitted_by_change.event_type, _sources
            using errcode = '22023', hint = 'Remove the call, or make it after the change, with the ids of the changed row.';
    end if;
    return _answer;
end $$;
comment on function webhooks.emitted_by_change(text, jsonb, uuid, text) is 'The result of dispatching an event that a trigger has emitted for the same change, or null. A user''s dispatch without such a change is an error, a server''s is accepted.';
revoke all on function webhooks.emitted_by_change(text, jsonb, uuid, text) from public, anon, authenticated, service_role;

-- schemas/triggers/forget_dropped_tables.sql
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

-- schemas/triggers/is_ours.sql
create or replace function webhooks.is_ours(relation regclass)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_class as c
        where c.oid in (is_ours.relation, pg_partition_root(is_ours.relation))
          and (c.relnamespace = 'webhooks'::regnamespace
               or (c.relnamespace = 'public'::regnamespace and c.relname in (
                   'webhook_configurations', 'webhook_deliveries', 'webhook_attempts', 'webhook_circuits', 'webhook_traceparents',
                   'webhook_event_types', 'webhook_triggers', 'webhook_trigger_errors', 'webhook_dispatcher_runs',
                   'webhook_alerts', 'webhook_alert_notices', 'webhook_admin_actions', 'webhook_tenant_limits'))))
$$;
comment on function webhooks.is_ours(regclass) is 'Whether a table is this system''s own.';
revoke all on function webhooks.is_ours(regclass) from public, anon, authenticated, service_role;

-- schemas/triggers/json_object_sql.sql
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

-- schemas/triggers/json_value_sql.sql
create or replace function webhooks.json_value_sql(column_type oid, value text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when t.base = 'timestamptz'::regtype then
            -- in UTC whatever the session's time zone; infinity and years before 1 have no form of their own
            format($sql$case when %1$s between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00'
                then to_jsonb(to_char(%1$s at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
                else to_jsonb(%1$s at time zone 'utc') end$sql$, json_value_sql.value)
        -- JSON has no NaN and no infinity
        when t.base in ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype) then
            format($sql$case when %1$s not in ('NaN', 'Infinity', '-Infinity') then %1$s end$sql$, json_value_sql.value)
        else json_value_sql.value
    end
    from (select webhooks.base_type(json_value_sql.column_type) as base) as t
$$;
comment on function webhooks.json_value_sql(oid, text) is 'The SQL for the form that a value has in an event.';
revoke all on function webhooks.json_value_sql(oid, text) from public, anon, authenticated, service_role;

-- schemas/triggers/kept_events.sql
create or replace function webhooks.kept_events(identity text[], data jsonb[], actors uuid[], tenants text[])
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(case
        -- data that no payload may contain is not kept; the row can be read again by its key, once it is valid
        when webhooks.payload_problem(e.data) is not null then
            jsonb_build_object('key', (
                select jsonb_object_agg(i.name, e.data -> i.name)
                from unnest(kept_events.identity) as i (name)
                where pg_column_size(e.data -> i.name) < 1000 and i.name <> '@actor'))
        else jsonb_build_object('data', e.data, 'actor', e.actor, 'tenant', e.tenant)
    end order by e.position)
    from unnest(kept_events.data, kept_events.actors, kept_events.tenants) with ordinality as e (data, actor, tenant, position)
$$;
comment on function webhooks.kept_events(text[], jsonb[], uuid[], text[]) is 'What webhook_trigger_errors keeps of events, to emit them again.';
revoke all on function webhooks.kept_events(text[], jsonb[], uuid[], text[]) from public, anon, authenticated, service_role;

-- schemas/triggers/lock_tables.sql
create or replace function webhooks.lock_tables(tables regclass[])
returns void
language plpgsql
-- invoker: the caller creates triggers on them
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _table regclass;
    _before text := current_setting('lock_timeout');
begin
    for n in 1..200 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            foreach _table in array tables loop
                -- the mode that creating a trigger takes
                execute format('lock table %s in share row exclusive mode', _table);
            end loop;
            perform set_config('lock_timeout', _before, true);
            return;
        exception
            -- nothing is held now: transactions that waited for us continue
            when lock_not_available then
                perform pg_sleep(0.1);
            when insufficient_privilege then
                -- a role that may create a trigger but not update may not lock: then the trigger's own lock must suffice
                perform set_config('lock_timeout', _before, true);
                return;
        end;
    end loop;
    raise exception 'the tables % were in use for a minute', tables using hint = 'End long transactions and try again.';
end $$;
comment on function webhooks.lock_tables(regclass[]) is 'Locks tables for new triggers, together or not at all, so that no user''s transaction ends in a deadlock.';
revoke all on function webhooks.lock_tables(regclass[]) from public, anon, authenticated, service_role;

-- schemas/triggers/made_up_problems.sql
-- Possible rows: an existing one, with a null, long or unusual value in one column after another.
create or replace function webhooks.made_up_problems(source regclass, columns name[], query text, data_schema jsonb)
returns setof text
language plpgsql
-- invoker: it runs the caller's SQL
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _rows text := format('select r.* from jsonb_populate_record(null::%s, $1) as r', made_up_problems.source);
    _possible text;
    _usual jsonb;
    _usual_problem text;
    _column record;
    _value jsonb;
    _row jsonb;
    _possible_row boolean;
    _problem text;
begin
    select coalesce(string_agg(format('(%s) is not false', pg_get_expr(c.conbin, c.conrelid)), ' and '), 'true') into _possible
    from pg_constraint as c
    where c.conrelid = made_up_problems.source and c.contype = 'c';
    execute format('select %s from %s as r limit 1', webhooks.row_sql(made_up_problems.source, 'r'), made_up_problems.source)
    into _usual;
    if _usual is null then
        select jsonb_object_agg(a.attname, case
            when webhooks.base_type(a.atttypid) in ('json'::regtype, 'jsonb'::regtype) then '{}'
            else to_jsonb((webhooks.made_up_values(a.atttypid, a.atttypmod))[1])
        end) into _usual
        from pg_attribute as a
        where a.attrelid = made_up_problems.source and a.attnum > 0 and not a.attisdropped;
    end if;
    _usual_problem := webhooks.row_problem(_rows, made_up_problems.query, made_up_problems.data_schema, _usual);
    for _column in
        select a.attname, a.attnotnull, a.atttypid, a.atttypmod,
               webhooks.base_type(a.atttypid) in ('json'::regtype, 'jsonb'::regtype) as is_json
        from pg_attribute as a
        where a.attrelid = made_up_problems.source and a.attname = any (made_up_problems.columns) and a.attgenerated = ''
          -- its values are those of another table
          and not exists (select from pg_constraint as c
                          where c.conrelid = a.attrelid and c.contype = 'f' and a.attnum = any (c.conkey))
        order by a.attnum
    loop
        for _value in
            select 'null'::jsonb where not _column.attnotnull
            union all
            select case when _column.is_json then v.value::jsonb else to_jsonb(v.value) end
            from unnest(webhooks.made_up_values(_column.atttypid, _column.atttypmod)) as v (value)
        loop
            _row := _usual || jsonb_build_object(_column.attname, _value);
            begin
                execute format('select %s from (%s) as t', _possible, _rows) into _possible_row using _row;
            exception when others then
                -- no value of this column
                _possible_row := false;
            end;
            continue when _possible_row is not true;
            _problem := webhooks.row_problem(_rows, made_up_problems.query, made_up_problems.data_schema, _row);
            if _problem is distinct from _usual_problem and _problem is not null then
                return next format('%I = %s: %s', _column.attname, left(_value #>> '{}', 40), _problem);
            end if;
        end loop;
    end loop;
end $$;
comment on function webhooks.made_up_problems(regclass, name[], text, jsonb) is 'Possible values of rows for which a trigger''s query could not emit an event.';
revoke all on function webhooks.made_up_problems(regclass, name[], text, jsonb) from public, anon, authenticated, service_role;

-- schemas/triggers/made_up_values.sql
create or replace function webhooks.made_up_values(type oid, modifier integer)
returns text[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when t.typsubscript = 'array_subscript_handler'::regproc then array['{}', '{null}']
        when t.typtype = 'e' then array(select e.enumlabel::text from pg_enum as e where e.enumtypid = t.oid order by e.enumsortorder)
        when t.typtype in ('r', 'm') then array['empty']
        else case t.typname
            when 'int2' then array['1', '0', '-32768', '32767']
            when 'int4' then array['1', '0', '-2147483648', '2147483647']
            when 'int8' then array['1', '0', '-9223372036854775808', '9223372036854775807']
            when 'numeric' then array['1', '0', 'NaN', 'Infinity', '123456789012345678901234567890.5']
            when 'float4' then array['1', '0', 'NaN', 'Infinity', '-Infinity']
            when 'float8' then array['1', '0', 'NaN', 'Infinity', '-Infinity', '1e308']
            when 'bool' then array['true', 'false']
            when 'uuid' then array['6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11']
            when 'timestamptz' then array['2026-01-29 12:34:56.789+00', 'infinity', '-infinity', '0044-03-15 12:00:00+00 BC']
            when 'timestamp' then array['2026-01-29 12:34:56.789', 'infinity', '0044-03-15 12:00:00 BC']
            when 'date' then array['2026-01-29', 'infinity', '0044-03-15 BC']
            when 'time' then array['12:34:56', '24:00:00']
            when 'interval' then array['1 day', '-1 year']
            when 'bytea' then array['\x61', '\x', '\x00ff']
            when 'inet' then array['192.0.2.1', '::/0']
            when 'json' then array['{}', '[]', '1', '"text"']
            when 'jsonb' then array['{}', '[]', '1', '"text"', 'null']
            when 'varchar' then array['a', '', repeat('é', least(made_up_values.modifier - 4, 1000))]
            when 'bpchar' then array['a', '']
            when 'text' then array['a', '', E'\u0001"\\\u202e\U0001F389', repeat('é', 1000)]
            else array['1', '']
        end
    end
    from pg_type as t
    where t.oid = webhooks.base_type(made_up_values.type)
$$;
comment on function webhooks.made_up_values(oid, integer) is 'Possible values of a type, as text: a usual one first, then the longest and unusual ones.';
revoke all on function webhooks.made_up_values(oid, integer) from public, anon, authenticated, service_role;

-- schemas/triggers/missing_triggers.sql
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

-- schemas/triggers/on_change.sql
-- No variable here has the type of a table of ours: a missing one would fail when the function is compiled, before
-- the block that catches errors begins.
create or replace function webhooks.on_change()
returns trigger
language plpgsql
-- definer: the user who changes the table holds no privilege on ours, and may not see the tables that data comes from
security definer
set search_path = pg_catalog, pg_temp
-- while someone alters one of our tables, the events wait no longer than this, and then fail; not the users' changes
set lock_timeout = '2s'
as $$
declare
    _source text := format('%I.%I', tg_table_schema, tg_table_name);
    _rows text := case tg_op when 'DELETE' then 'old_rows' else 'new_rows' end;
    _trigger record;
    _event_type text;
    _data jsonb[];
    _actors uuid[];
    _tenants text[];
    _code text;
    _message text;
    _context text;
    -- ranges of the statement's rows that are still to do, the first last
    _starts integer[];
    _sizes integer[];
    _start integer;
    _size integer;
    _part text;
    _tries integer := 0;
    _kept jsonb;
    _errors jsonb[] := '{}';
    _error record;
begin
    select t.* into strict _trigger
    from public.webhook_triggers as t
    where t.source = tg_relid and t.trigger_name = tg_name;
    _event_type := _trigger.event_type;
    if not _trigger.enabled then
        return null;
    end if;
    execute _trigger.query into _data, _actors, _tenants;
    if _data is not null then
        perform webhooks.emit_changes(_source, lower(tg_op), _event_type, _trigger.identity, _data, _actors, _tenants);
    end if;
    return null;
exception when others then
    get stacked diagnostics _code = returned_sqlstate, _message = message_text, _context = pg_exception_context;
    if _event_type is null then
        perform webhooks.record_trigger_error(
            _source, lower(tg_op), null, cardinality(_data), _code,
            case _code when 'P0002' then format('trigger %I has no row in public.webhook_triggers; attach it again', tg_name)
            else _message end, _context);
        return null;
    end if;
    begin
        -- One bad row must not lose the others' events: a failed part is halved until the bad rows are isolated.
        execute format('select count(*) from %s', _rows) into _size;
        _starts := array[0];
        _sizes := array[_size];
        while cardinality(_starts) > 0 loop
            _start := _starts[cardinality(_starts)];
            _size := _sizes[cardinality(_sizes)];
            _starts := trim_array(_starts, 1);
            _sizes := trim_array(_sizes, 1);
            -- the trigger's queries, over a part of the rows
            _part := format('with %1$s as (select * from %1$s offset %2$s limit %3$s) ', _rows, _start, _size);
            _tries := _tries + 1;
            -- the first part is all of them, and has failed already
            if _tries > 1 then
                begin
                    _data := null;
                    execute _part || _trigger.query into _data, _actors, _tenants;
                    if _data is not null then
                        perform webhooks.emit_changes(_source, lower(tg_op), _event_type, _trigger.identity, _data, _actors, _tenants);
                    end if;
                    continue;
                exception when others then
                    get stacked diagnostics _code = returned_sqlstate, _message = message_text, _context = pg_exception_context;
                end;
            end if;
            -- what a row can cause: its data, a constraint, a function's own error, a limit; a lock or a missing table
            -- would fail for each, and 1,000 parts are as many as one statement may cost
            if _size > 1 and _tries < 1000 and left(_code, 2) in ('21', '22', '23', '54', 'P0') then
                _starts := _starts || array[_start + _size / 2, _start];
                _sizes := _sizes || array[_size - _size / 2, _size / 2];
                continue;
            end if;
            _kept := null;
            begin
                if _data is not null then
                    _kept := webhooks.kept_events(_trigger.identity, _data, _actors, _tenants);
                else
                    execute _part || webhooks.changed_rows_sql(tg_relid, lower(tg_op), false) into _kept;
                end if;
            exception when others then
                begin
                    execute _part || webhooks.changed_rows_sql(tg_relid, lower(tg_op), true) into _kept;
                exception when others then
                    _kept := null;
                end;
            end;
            _errors := _errors || jsonb_build_object(
                'events', coalesce(cardinality(_data), _size), 'code', _code, 'message', _message, 'context', _context, 'data', _kept);
        end loop;
        for _error in
            select sum((e.error ->> 'events')::integer) filter (where coalesce(d.position, 1) = 1) as events, e.error ->> 'code' as code, e.error ->> 'message' as message,
                   min(e.error ->> 'context') as context, jsonb_agg(d.item order by e.position, d.position) as data
            from unnest(_errors) with ordinality as e (error, position)
            left join lateral jsonb_array_elements(
                case jsonb_typeof(e.error -> 'data') when 'array' then e.error -> 'data' end
            ) with ordinality as d (item, position) on true
            group by 2, 3
            order by min(e.position)
        loop
            perform webhooks.record_trigger_error(
                _source, lower(tg_op), _event_type, _error.events::integer, _error.code, _error.message, _error.context,
                nullif(_error.data, '[null]'));
        end loop;
    exception when others then
        perform webhooks.record_trigger_error(
            _source, lower(tg_op), _event_type, cardinality(_data), _code, _message, _context);
    end;
    return null;
end $$;
comment on function webhooks.on_change() is 'The trigger of webhook_attach: emits an event for each changed row of a statement. Never fails the statement.';
revoke all on function webhooks.on_change() from public, anon, authenticated, service_role;

-- schemas/triggers/parents_exist.sql
create or replace function webhooks.parents_exist(source regclass)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('(%sexists (select from %s as parent where %s))', (
        select string_agg(format('old.%I is null or ', ours.attname), '' order by ours.attnum)
        from pg_catalog.pg_attribute as ours
        where ours.attrelid = c.conrelid and ours.attnum = any (c.conkey) and not ours.attnotnull
    ), c.confrelid::regclass, (
        select string_agg(format('parent.%I = old.%I', theirs.attname, ours.attname), ' and ' order by k.position)
        from unnest(c.conkey, c.confkey) with ordinality as k (ours, theirs, position)
        join pg_catalog.pg_attribute as ours on ours.attrelid = c.conrelid and ours.attnum = k.ours
        join pg_catalog.pg_attribute as theirs on theirs.attrelid = c.confrelid and theirs.attnum = k.theirs
    )),
        ' and ' order by c.oid)
    from pg_catalog.pg_constraint as c
    where c.conrelid = parents_exist.source and c.contype = 'f' and c.confdeltype = 'c' and c.conparentid = 0
$$;
comment on function webhooks.parents_exist(regclass) is 'The SQL that is true for a row that was deleted itself, and false for one deleted with its parent (on delete cascade).';
revoke all on function webhooks.parents_exist(regclass) from public, anon, authenticated, service_role;

-- schemas/triggers/record_trigger_error.sql
create or replace function webhooks.record_trigger_error(
    source text,
    operation text,
    event_type text,
    events integer,
    code text,
    message text,
    context text,
    data jsonb default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.webhook_trigger_errors (source, operation, event_type, events, code, message, context, data)
    values (record_trigger_error.source, record_trigger_error.operation, record_trigger_error.event_type,
            record_trigger_error.events, record_trigger_error.code, left(record_trigger_error.message, 1000),
            left(record_trigger_error.context, 1000), record_trigger_error.data);
exception when others then
    -- the last resort; without the message, which may repeat what a user wrote
    raise warning 'webhook events of % are lost (SQLSTATE %), and public.webhook_trigger_errors takes no row (SQLSTATE %)',
        record_trigger_error.source, record_trigger_error.code, sqlstate;
end $$;
comment on function webhooks.record_trigger_error(text, text, text, integer, text, text, text, jsonb) is 'Records an error of a webhook trigger for the dashboard. Never fails.';
revoke all on function webhooks.record_trigger_error(text, text, text, integer, text, text, text, jsonb) from public, anon, authenticated, service_role;

-- schemas/triggers/retry_webhook_trigger_errors.sql
create or replace function webhooks.retry_webhook_trigger_errors(ids uuid[] default null)
returns jsonb
language plpgsql
-- definer: behind public.retry_webhook_trigger_errors, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _error public.webhook_trigger_errors;
    _attached public.webhook_triggers;
    _resolved integer := 0;
    _failed jsonb := '[]';
    _claims text := current_setting('request.jwt.claims', true);
    _sub text := current_setting('request.jwt.claim.sub', true);
begin
    perform webhooks.log_action('retry_trigger_errors', null, null, jsonb_build_object('ids', ids));
    -- a second call at the same time waits, and finds them resolved
    for _error in
        select e.* from public.webhook_trigger_errors as e
        where e.resolved_at is null and (ids is null or e.id = any (ids))
        order by e.occurred_at, e.id
        limit 1000
        for update
    loop
        begin
            if _error.data is null or _error.event_type is null then
                raise exception 'its data was not kept' using errcode = '22023';
            end if;
            select t.* into _attached
            from public.webhook_triggers as t
            where t.source = to_regclass(_error.source) and t.event_type = _error.event_type and t.operation = _error.operation;
            if not found then
                raise exception 'no trigger emits "%" when % changes: attach it again', _error.event_type, _error.source
                    using errcode = '22023';
            end if;
            perform webhooks.emit_kept(_attached, _error.source, _error.data);
            update public.webhook_trigger_errors as e set resolved_at = clock_timestamp() where e.id = _error.id;
            _resolved := _resolved + 1;
        exception when others then
            _failed := _failed || jsonb_build_object('id', _error.id, 'message', sqlerrm);
        end;
        perform set_config('request.jwt.claims', coalesce(_claims, ''), true),
                set_config('request.jwt.claim.sub', coalesce(_sub, ''), true);
    end loop;
    return jsonb_build_object('resolved', _resolved, 'failed', _failed);
end $$;
comment on function webhooks.retry_webhook_trigger_errors(uuid[]) is 'Behind public.retry_webhook_trigger_errors.';
revoke all on function webhooks.retry_webhook_trigger_errors(uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.retry_webhook_trigger_errors(uuid[]) to authenticated, service_role;

-- schemas/triggers/row_problem.sql
create or replace function webhooks.row_problem(rows_sql text, query text, data_schema jsonb, made_up jsonb default null)
returns text
language plpgsql
-- invoker: it runs the caller's SQL
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _data jsonb[];
    _problem text;
begin
    -- the trigger's own query: these two stand for a statement's changed rows
    execute format('with new_rows as materialized (%s), old_rows as (select * from new_rows) select t.data from (%s) as t (data)',
                   row_problem.rows_sql, row_problem.query)
    into _data using row_problem.made_up;
    select coalesce(webhooks.payload_problem(d.data), webhooks.schema_problem(row_problem.data_schema, d.data)) into _problem
    from unnest(_data) as d (data)
    where webhooks.payload_problem(d.data) is not null or webhooks.schema_problem(row_problem.data_schema, d.data) is not null
    limit 1;
    return _problem;
exception when others then
    return sqlerrm;
end $$;
comment on function webhooks.row_problem(text, text, jsonb, jsonb) is 'Why a trigger''s query would emit no event for one of the given rows, or null.';
revoke all on function webhooks.row_problem(text, text, jsonb, jsonb) from public, anon, authenticated, service_role;

-- schemas/triggers/row_sql.sql
create or replace function webhooks.row_sql(source regclass, alias text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- as text, which jsonb_populate_record reads back for every type; JSON as itself
    select webhooks.json_object_sql(array_agg(
        format('%L, %I.%I', a.attname, row_sql.alias, a.attname) || case
            when webhooks.base_type(a.atttypid) in ('json'::regtype, 'jsonb'::regtype) then '' else '::text'
        end order by a.attnum))
    from pg_attribute as a
    where a.attrelid = row_sql.source and a.attnum > 0 and not a.attisdropped
$$;
comment on function webhooks.row_sql(regclass, text) is 'The SQL for a table''s row as JSON, from which it can be built again.';
revoke all on function webhooks.row_sql(regclass, text) from public, anon, authenticated, service_role;

-- schemas/triggers/rows_sql.sql
create or replace function webhooks.rows_sql(source regclass, relation text, alias text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    -- a trigger's rows hold null for virtual columns (Postgres 18): they are computed from their expressions
    select format(case when bool_or(a.attgenerated = 'v') then '(select %1$s from %2$s) as %3$I' else '%2$s as %3$I' end,
        string_agg(case
            when a.attgenerated = 'v' then format('(%s) as %I', pg_get_expr(d.adbin, d.adrelid), a.attname)
            else format('%I', a.attname)
        end, ', ' order by a.attnum), rows_sql.relation, rows_sql.alias)
    from pg_attribute as a
    left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = rows_sql.source and a.attnum > 0 and not a.attisdropped
$$;
comment on function webhooks.rows_sql(regclass, text, text) is 'The SQL for a statement''s changed rows, as the table would show them.';
revoke all on function webhooks.rows_sql(regclass, text, text) from public, anon, authenticated, service_role;

-- schemas/triggers/same_row_sql.sql
create or replace function webhooks.same_row_sql(source regclass, one text, other text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%2$I.%1$I = %3$I.%1$I', a.attname, same_row_sql.one, same_row_sql.other), ' and ' order by a.attnum)
    from pg_index as i
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = same_row_sql.source and i.indisprimary
$$;
comment on function webhooks.same_row_sql(regclass, text, text) is 'The SQL that is true when two rows have the same primary key; null without one.';
revoke all on function webhooks.same_row_sql(regclass, text, text) from public, anon, authenticated, service_role;

-- schemas/triggers/sample_sql.sql
create or replace function webhooks.sample_sql(source text, columns text[], actor text)
returns text
language plpgsql
stable
-- definer: behind public.webhook_sample_events, which checks the caller; it reads the catalog, and no row
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _table regclass;
    _missing text;
    _data text;
    _actor text := 'null';
    _order text;
begin
    select (t.one ->> 'table')::regclass into _table
    from jsonb_array_elements(webhooks.webhook_tables()) as t (one)
    where t.one ->> 'table' = sample_sql.source;
    if _table is null then
        raise exception 'the table "%" does not exist, or cannot be attached', sample_sql.source
            using errcode = 'PT404', hint = 'webhook_tables returns those that can.';
    end if;
    if not exists (select from unnest(sample_sql.columns) as g (name) where g.name is not null) then
        raise exception 'a sample needs columns' using errcode = '22023', hint = 'For example {id,name}.';
    end if;
    select min(g.name) into _missing
    from unnest(sample_sql.columns || sample_sql.actor) as g (name)
    where not exists (
        select from pg_attribute as a
        where a.attrelid = _table and a.attname = g.name and a.attnum > 0 and not a.attisdropped);
    if _missing is not null then
        raise exception 'the table % has no column "%"', _table, _missing using errcode = '22023';
    end if;
    select webhooks.json_object_sql(array_agg(
        format('%L, %s', a.attname, webhooks.json_value_sql(a.atttypid, format('r.%I', a.attname))) order by a.attnum))
    into _data
    from pg_attribute as a
    where a.attrelid = _table and a.attname = any (sample_sql.columns) and a.attnum > 0 and not a.attisdropped;
    if sample_sql.actor is not null then
        _actor := format('r.%I', sample_sql.actor);
    end if;
    -- newest first, as webhook_attach checks them
    select ' order by ' || string_agg(format('r.%I desc', a.attname), ', ' order by array_position(i.indkey::int2[], a.attnum))
    into _order
    from pg_index as i
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = _table and i.indisprimary;
    return format('select jsonb_build_object(''data'', %s, ''actor'', %s) from %s as r%s limit 3', _data, _actor, _table, _order);
end $$;
comment on function webhooks.sample_sql(text, text[], text) is 'The SQL for the last rows of a table as events: three at most, each {"data", "actor"}.';
revoke all on function webhooks.sample_sql(text, text[], text) from public, anon, authenticated, service_role;
grant execute on function webhooks.sample_sql(text, text[], text) to authenticated, service_role;

-- schemas/triggers/schema_of.sql
-- Any table's changes as typed events, with one call and without PL/pgSQL: webhook_attach and webhook_detach.

create or replace function webhooks.schema_of(column_type oid, nullable boolean)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when shape.json = '{}' or not schema_of.nullable then shape.json
        else shape.json || jsonb_build_object('type', jsonb_build_array(shape.json -> 'type', 'null'))
    end
    from (
        select case
            when t.typtype = 'd' then webhooks.schema_of(t.typbasetype, false)
            when t.typsubscript = 'array_subscript_handler'::regproc then
                jsonb_build_object('type', 'array', 'items', webhooks.schema_of(t.typelem, true))
            -- an extension's cast decides the form, such as hstore's
            when t.typname in ('json', 'jsonb') or exists (
                select from pg_catalog.pg_cast as c
                where c.castsource = t.oid and c.casttarget in ('json'::regtype, 'jsonb'::regtype) and c.castmethod = 'f'
            ) then '{}'
            when t.typtype = 'c' or t.oid = 'record'::regtype then '{"type": "object"}'
            when t.typname = 'bool' then '{"type": "boolean"}'
            when t.typname in ('int2', 'int4', 'int8') then '{"type": "integer"}'
            when t.typname in ('numeric', 'float4', 'float8') then '{"type": "number"}'
            when t.typname = 'uuid' then '{"type": "string", "format": "uuid"}'
            when t.typname = 'timestamptz' then '{"type": "string", "format": "date-time"}'
            when t.typname = 'date' then '{"type": "string", "format": "date"}'
            -- an enum's values are left out: more may be added
            else '{"type": "string"}'
        end::jsonb as json
        from pg_catalog.pg_type as t
        where t.oid = schema_of.column_type
    ) as shape
$$;
comment on function webhooks.schema_of(oid, boolean) is 'The JSON Schema of what a Postgres type becomes as JSON.';
revoke all on function webhooks.schema_of(oid, boolean) from public, anon, authenticated, service_role;

-- schemas/triggers/webhook_attach.sql
create or replace function public.webhook_attach(
    table_name regclass,
    event_type text,
    operation text,
    data jsonb,
    actor text default null,
    condition text default null,
    tenant text default null,
    on_unchanged boolean default false
)
returns text
language plpgsql
-- invoker, and only for the owner of the tables: data, actor and condition are SQL
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _operation text := lower(webhook_attach.operation);
    _label text := format('webhook_attach(%s, %s)', webhook_attach.table_name, webhook_attach.event_type);
    -- what a plain column name means
    _alias text := case lower(webhook_attach.operation) when 'delete' then 'old' else 'new' end;
    -- auth.uid() fails for ids that are not uuids
    _data jsonb := replace(webhook_attach.data::text, 'auth.uid()', 'webhooks.user_id()')::jsonb;
    _given_actor text := replace(webhook_attach.actor, 'auth.uid()', 'webhooks.user_id()');
    _condition text := replace(webhook_attach.condition, 'auth.uid()', 'webhooks.user_id()');
    _tenant text;
    _columns text;
    _actor text;
    _key text;
    _check_from text;
    _from text;
    _where text;
    _read name[];
    _sample text;
    _select text;
    _query text;
    _view regclass;
    _json text;
    _properties jsonb;
    _schema jsonb;
    _type public.webhook_event_types;
    _problem text;
    _row public.webhook_triggers;
    _kept boolean;
begin
    perform webhooks.check_server();
    if _operation is null or _operation not in ('insert', 'update', 'delete') then
        raise exception '%: the operation must be insert, update or delete, not "%"', _label, webhook_attach.operation
            using errcode = '22023';
    end if;
    if webhooks.is_ours(webhook_attach.table_name) then
        raise exception '%: this is one of the webhook system''s own tables: each event would write to it and cause another event', _label
            using errcode = '22023';
    end if;
    if jsonb_typeof(_data) = 'array' then
        select jsonb_object_agg(name, name) into _data from jsonb_array_elements_text(_data) as name;
    end if;
    if jsonb_typeof(_data) is distinct from 'object' or _data = '{}'
        or exists (select from jsonb_each(_data) as d where jsonb_typeof(d.value) <> 'string') then
        raise exception '%: data must say which column or SQL each key comes from', _label
            using errcode = '22023', hint = 'Columns ["id", "total"], or keys {"order_id": "id", "cents": "new.total * 100"}.';
    end if;

    -- the changed rows, as the trigger's transition tables and as the table itself, to check the SQL against
    if _operation = 'update' then
        _key := webhooks.same_row_sql(webhook_attach.table_name, 'new', 'old');
        if _key is null then
            raise exception '%: the table has no primary key, which is needed to match a row with its old values', _label
                using errcode = '22023', hint = format('alter table %s add primary key (...)', webhook_attach.table_name);
        end if;
        _check_from := format('%1$s as new join %1$s as old on %2$s', webhook_attach.table_name, _key);
        _from := format('%s join %s on %s', webhooks.rows_sql(webhook_attach.table_name, 'new_rows', 'new'),
                        webhooks.rows_sql(webhook_attach.table_name, 'old_rows', 'old'), _key);
    else
        _check_from := format('%s as %s', webhook_attach.table_name, _alias);
        _from := webhooks.rows_sql(webhook_attach.table_name, _alias || '_rows', _alias);
    end if;
    _where := coalesce('(' || _condition || ')', 'true');
    _actor := coalesce(webhooks.column_or_sql(webhook_attach.table_name, _alias, _given_actor), 'null::uuid');
    _tenant := coalesce(webhooks.column_or_sql(webhook_attach.table_name, _alias, webhook_attach.tenant), 'null');
    select string_agg(format('%s as %I', webhooks.column_or_sql(webhook_attach.table_name, _alias, d.value), d.key), ', '
                      order by d.key)
    into _columns
    from jsonb_each_text(_data) as d;

    -- before anything else touches the table: a lock that is taken twice, the second time in a stronger mode, deadlocks
    perform webhooks.lock_tables(array[webhook_attach.table_name]);
    -- a view is the way to learn, without running it, that the SQL is right and of which types it is
    begin
        execute format('create temporary view webhook_attach_check as select %s, %s as "@actor", (%s)::text as "@tenant" from %s where %s',
                       _columns, _actor, _tenant, _check_from, _where);
    exception when others then
        raise exception '%: %', _label, sqlerrm
            using errcode = '22023', hint = 'data, actor and condition are columns of the table, or SQL over new and old.';
    end;
    _view := to_regclass('pg_temp.webhook_attach_check');
    select webhooks.json_object_sql(array_agg(
               format('%L, %s', v.attname, webhooks.json_value_sql(v.atttypid, format('v.%I', v.attname))) order by v.attnum)),
           jsonb_object_agg(v.attname, webhooks.schema_of(v.atttypid, not coalesce(own.attnotnull, false)
               -- not a number, or an infinite one, is null in JSON; one of a fixed scale is never infinite
               or webhooks.base_type(v.atttypid) in ('float4'::regtype, 'float8'::regtype)
               or (webhooks.base_type(v.atttypid) = 'numeric'::regtype and v.atttypmod = -1)))
    into _json, _properties
    from pg_catalog.pg_attribute as v
    left join pg_catalog.pg_attribute as own
        on own.attrelid = webhook_attach.table_name and own.attname = _data ->> v.attname and not own.attisdropped
    where v.attrelid = _view and v.attname not in ('@actor', '@tenant');
    -- the columns that the event reads, as Postgres knows them; a whole row, such as in to_jsonb(new), reads all
    select array_agg(a.attname order by a.attnum) into _read
    from pg_catalog.pg_attribute as a
    where a.attrelid = webhook_attach.table_name and a.attnum > 0 and not a.attisdropped
      and (pg_get_viewdef(_view) ~ '\m(new|old)(_\d+)?\.\*' or exists (
          select from pg_catalog.pg_depend as d
          join pg_catalog.pg_rewrite as r on r.oid = d.objid and r.ev_class = _view
          where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
            and d.refobjid = a.attrelid and d.refobjsubid = a.attnum));
    select format('the actor is of type %s, not uuid', v.atttypid::regtype) into _problem
    from pg_catalog.pg_attribute as v
    where v.attrelid = _view and v.attname = '@actor' and v.atttypid <> 'uuid'::regtype;
    execute 'drop view pg_temp.webhook_attach_check';

    -- the catalog: an unknown type gets its schema from the columns, a known one must be satisfied
    select t.* into _type from public.webhook_event_types as t where t.name = webhook_attach.event_type;
    if not found then
        _schema := jsonb_build_object(
            'type', 'object', 'properties', _properties,
            'required', (select jsonb_agg(d.key order by d.key) from jsonb_object_keys(_data) as d (key)));
        perform webhooks.webhook_define_event(
            webhook_attach.event_type,
            format('A row of %s was %s.', webhook_attach.table_name,
                   case _operation when 'insert' then 'inserted' when 'update' then 'updated' else 'deleted' end),
            _schema);
    else
        _problem := coalesce(_problem, case
            when _type.analytics_destination is not null then
                'it is an analytics event, not a webhook: send it to ' || _type.analytics_destination
        end, (
            select format('data has no key %s, which the event''s schema requires', string_agg(r.key, ', ' order by r.key))
            from jsonb_array_elements_text(_type.data_schema -> 'required') as r (key)
            where not _data ? r.key
            having count(*) > 0
        ), (
            select string_agg(format('data key %s is of type %s, and the event''s schema has %s', p.key,
                                     p.value -> 'type', _type.data_schema -> 'properties' -> p.key -> 'type'),
                              '; ' order by p.key) || '. To convert a value, give an expression, such as "(new.id)::text"'
            from jsonb_each(_properties) as p
            where p.value ? 'type' and _type.data_schema -> 'properties' -> p.key ? 'type'
              and not exists (
                  select from webhooks.json_types(p.value) as ours
                  join webhooks.json_types(_type.data_schema -> 'properties' -> p.key) as theirs
                      on ours = theirs or (ours in ('integer', 'number') and theirs in ('integer', 'number'))
                  where ours <> 'null')
        ));
    end if;
    if _problem is not null then
        raise exception '%: %', _label, _problem using errcode = '22023';
    end if;

    _row.source := webhook_attach.table_name;
    _row.event_type := webhook_attach.event_type;
    _row.operation := _operation;
    -- names are at most 63 bytes; the hash keeps two long event types apart
    _row.trigger_name := left(format('webhook_%s_%s', _operation, replace(webhook_attach.event_type, '.', '_')), 54)
        || '_' || left(md5(webhook_attach.event_type), 8);
    _row.data := _data;
    _row.actor := webhook_attach.actor;
    _row.condition := webhook_attach.condition;
    _row.tenant := webhook_attach.tenant;
    _row.on_unchanged := webhook_attach.on_unchanged;
    _row.identity := webhooks.change_identity(webhook_attach.table_name, _data, webhook_attach.actor);
    _select := format(
        'select array_agg(%s), array_agg(v."@actor"), array_agg(v."@tenant")'
        ' from (select %s, %s as "@actor", (%s)::text as "@tenant" from %s where ',
        _json, _columns, _actor, _tenant, _from);
    _row.query := _select || concat_ws(' and ', _where, case _operation
        when 'delete' then webhooks.parents_exist(webhook_attach.table_name)
        when 'update' then
            -- one of them at least: compared as they are stored, since not every type has an operator for it
            case when not webhook_attach.on_unchanged then (
                select format('row(%s)::record *<> row(%s)::record', string_agg(format('new.%I', r.name), ', '), string_agg(format('old.%I', r.name), ', '))
                from unnest(_read) as r (name)
                having count(*) > 0)
            end
    end) || ') as v';

    -- an existing trigger is left alone: creating one takes a lock that blocks writers
    select true into _kept
    from public.webhook_triggers as t
    join pg_catalog.pg_trigger as g on g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A')
    where t.source = _row.source and t.trigger_name = _row.trigger_name
      and t.enabled
      and (t.data, t.actor, t.condition, t.tenant, t.on_unchanged, t.identity, t.query)
          is not distinct from (_row.data, _row.actor, _row.condition, _row.tenant, _row.on_unchanged, _row.identity, _row.query);
    if _kept then
        return 'kept';
    end if;

    -- Does it work? The query runs on rows of the table, newest first; for an update, each row is also the old row.
    _query := _select || _where || ') as v';
    select format('select s.* from %s as s%s limit 1000', webhook_attach.table_name,
                  ' order by ' || string_agg(format('s.%I desc', a.attname), ', ' order by array_position(i.indkey::int2[], a.attnum)))
    into _sample
    from pg_catalog.pg_index as i
    join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = webhook_attach.table_name and i.indisprimary;
    _sample := coalesce(_sample, format('select s.* from %s as s limit 1000', webhook_attach.table_name));
    _problem := coalesce(
        webhooks.row_problem(_sample, _query, coalesce(_type.data_schema, _schema)),
        webhooks.row_problem(_sample, _row.query, coalesce(_type.data_schema, _schema)));
    if _problem is not null then
        raise exception '%: an existing row of the table could not be emitted: %', _label, _problem
            using errcode = '22023', hint = 'Add a condition that excludes such rows, or change data or the schema to fit them.';
    end if;
    for _problem in
        select p from webhooks.made_up_problems(
            webhook_attach.table_name, _read, case _operation when 'update' then _select || 'true) as v' else _query end,
            coalesce(_type.data_schema, _schema)) as p
        limit 10
    loop
        raise warning '%: a row could not be emitted with %', _label, _problem;
    end loop;

    insert into public.webhook_triggers as t (source, trigger_name, event_type, operation, data, actor, condition, identity, query,
                                              tenant, on_unchanged)
    values (_row.source, _row.trigger_name, _row.event_type, _row.operation, _row.data, _row.actor, _row.condition,
            _row.identity, _row.query, _row.tenant, _row.on_unchanged)
    on conflict (source, trigger_name) do update
    set data = excluded.data, actor = excluded.actor, condition = excluded.condition, identity = excluded.identity,
        query = excluded.query, tenant = excluded.tenant, on_unchanged = excluded.on_unchanged, enabled = true, attached_at = now();
    execute format(
        'create or replace trigger %I after %s on %s referencing %s for each statement execute function webhooks.on_change()',
        _row.trigger_name, _operation, _row.source, case _operation
            when 'insert' then 'new table as new_rows'
            when 'delete' then 'old table as old_rows'
            else 'new table as new_rows old table as old_rows'
        end);
    return 'attached';
end $$;
comment on function public.webhook_attach(regclass, text, text, jsonb, text, text, text, boolean) is 'Turns each inserted, updated or deleted row of a table into an event. data: columns ["id"], or keys with their column or SQL over new and old {"order_id": "id"}; actor: the same for the user who did it; condition: SQL that the row must satisfy; tenant: the column or SQL that names the tenant; on_unchanged: also emit for updates that change none of the columns that the event reads. An unknown event type is added to the catalog, its schema taken from the columns. Returns attached, or kept if nothing changed.';
revoke all on function public.webhook_attach(regclass, text, text, jsonb, text, text, text, boolean) from public, anon, authenticated, service_role;

-- schemas/triggers/webhook_detach.sql
create or replace function public.webhook_detach(
    table_name regclass,
    event_type text,
    operation text,
    keep_trigger boolean default false
)
returns boolean
language plpgsql
-- invoker, and for the owner of the tables alone: it drops a trigger
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger_name name;
begin
    perform webhooks.check_server();
    perform webhooks.forget_dropped_tables();
    if webhook_detach.keep_trigger then
        update public.webhook_triggers as t
        set enabled = false
        where t.source = webhook_detach.table_name
          and t.event_type = webhook_detach.event_type
          and t.operation = lower(webhook_detach.operation)
          and t.enabled;
        return found;
    end if;
    delete from public.webhook_triggers as t
    where t.source = webhook_detach.table_name
      and t.event_type = webhook_detach.event_type
      and t.operation = lower(webhook_detach.operation)
    returning t.trigger_name into _trigger_name;
    if _trigger_name is null then
        return false;
    end if;
    begin
        execute format('drop trigger if exists %I on %s', _trigger_name, webhook_detach.table_name);
    exception when insufficient_privilege then
        raise exception 'webhook_detach(%, %): % does not own the table, and only its owner can drop the trigger %',
            webhook_detach.table_name, webhook_detach.event_type, current_user, _trigger_name
            using errcode = '42501', hint = format(
                'Run as the owner: drop trigger %I on %s. Or turn the event off and leave the trigger: '
                'select public.webhook_detach(%L, %L, %L, keep_trigger => true)',
                _trigger_name, webhook_detach.table_name, webhook_detach.table_name, webhook_detach.event_type,
                lower(webhook_detach.operation));
    end;
    return true;
end $$;
comment on function public.webhook_detach(regclass, text, text, boolean) is 'The opposite of webhook_attach: the table''s changes are no longer events. Returns false if they were not. keep_trigger: only turns the event off, for a caller who does not own the table.';
-- for the owner of the tables alone: migrations and the SQL editor
revoke all on function public.webhook_detach(regclass, text, text, boolean) from public, anon, authenticated, service_role;

-- schemas/triggers/webhook_reattach.sql
create or replace function public.webhook_reattach()
returns table (source text, event_type text, operation text, outcome text)
language plpgsql
-- invoker, and for the owner of the tables alone: it creates triggers
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _missing public.webhook_triggers[];
    _trigger public.webhook_triggers;
begin
    perform webhooks.check_server();
    _missing := array(select m from webhooks.missing_triggers() as m);
    perform webhooks.lock_tables(array(select distinct m.source from unnest(_missing) as m));
    foreach _trigger in array _missing loop
        source := _trigger.source;
        event_type := _trigger.event_type;
        operation := _trigger.operation;
        begin
            outcome := public.webhook_attach(
                _trigger.source, _trigger.event_type, _trigger.operation, _trigger.data, _trigger.actor, _trigger.condition,
                _trigger.tenant, _trigger.on_unchanged);
        exception when others then
            -- for example, a column was dropped in the meantime: the others are still attached
            outcome := 'left: ' || sqlerrm;
        end;
        return next;
    end loop;
end $$;
comment on function public.webhook_reattach() is 'Recreates the triggers that webhook_triggers lists and the tables lack: a restore loses those on auth.users. Returns what it attached, and what it left and why; may be called again.';
-- for the owner of the tables alone: migrations and the SQL editor
revoke all on function public.webhook_reattach() from public, anon, authenticated, service_role;

-- schemas/triggers/webhook_tables.sql
create or replace function webhooks.webhook_tables()
returns jsonb
language sql
stable
-- definer: behind public.webhook_tables, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'table', format('%s.%s', quote_ident(n.nspname), quote_ident(c.relname)), 'columns', k.columns)
        order by n.nspname <> 'public', n.nspname, c.relname), '[]')
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    cross join lateral (
        select jsonb_agg(jsonb_build_object(
            'name', a.attname, 'type', format_type(a.atttypid, null), 'base', webhooks.base_type(a.atttypid)::regtype::text,
            'nullable', not a.attnotnull) order by a.attnum) as columns
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as k
    where c.relkind in ('r', 'p') and not c.relispartition
      and (n.nspname = 'public' or n.nspname = 'auth' and c.relname = 'users')
      and not webhooks.is_ours(c.oid::regclass)
$$;
comment on function webhooks.webhook_tables() is 'Behind public.webhook_tables.';
revoke all on function webhooks.webhook_tables() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_tables() to authenticated, service_role;

do $locks$
declare
    _before text := current_setting('lock_timeout');
    _table text;
begin
    for n in 1..200 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_event_types' and p.policyname = 'Signed-in users can read the types that are for them') then
                create policy "Signed-in users can read the types that are for them" on public.webhook_event_types
    for select to authenticated using (
        audience = 'customers'::text or users_may_dispatch or (select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_configurations' and p.policyname = 'Admins and customers can view webhook endpoints') then
                create policy "Admins and customers can view webhook endpoints" on public.webhook_configurations
    for select to authenticated using (
        (id >= (select webhooks.if_admin('00000000-0000-0000-0000-000000000000'::uuid))
            and id <= (select webhooks.if_admin('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)))
        or tenant_id = any (array(select webhooks.tenants('read'::text))));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_tenant_limits' and p.policyname = 'Admins can view webhook tenant limits') then
                create policy "Admins can view webhook tenant limits" on public.webhook_tenant_limits
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_circuits' and p.policyname = 'Admins can view webhook circuits') then
                create policy "Admins can view webhook circuits" on public.webhook_circuits
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_deliveries' and p.policyname = 'Admins and customers can view webhook deliveries') then
                create policy "Admins and customers can view webhook deliveries" on public.webhook_deliveries
    for select to authenticated using (
        created_at >= (select webhooks.if_reader('-infinity'::timestamp with time zone))
        and ((webhook_config_id >= (select webhooks.if_admin('00000000-0000-0000-0000-000000000000'::uuid))
                and webhook_config_id <= (select webhooks.if_admin('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)))
            or webhook_config_id = any (array(select webhooks.tenant_endpoints(array(select webhooks.tenants('read'::text)))))));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_attempts' and p.policyname = 'Admins and customers can view webhook attempts') then
                create policy "Admins and customers can view webhook attempts" on public.webhook_attempts
    for select to authenticated using (
        started_at >= (select webhooks.if_reader('-infinity'::timestamp with time zone))
        and started_at <= (select webhooks.if_reader('infinity'::timestamp with time zone))
        and ((select webhooks.is_admin())
            or webhooks.is_delivery_of(
                delivery_id, array(select webhooks.tenant_endpoints(array(select webhooks.tenants('read'::text)))))));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_triggers' and p.policyname = 'Admins can view webhook triggers') then
                create policy "Admins can view webhook triggers" on public.webhook_triggers
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_trigger_errors' and p.policyname = 'Admins can view webhook trigger errors') then
                create policy "Admins can view webhook trigger errors" on public.webhook_trigger_errors
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_alerts' and p.policyname = 'Admins can view webhook alerts') then
                create policy "Admins can view webhook alerts" on public.webhook_alerts
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_alert_notices' and p.policyname = 'Admins can view webhook alert notices') then
                create policy "Admins can view webhook alert notices" on public.webhook_alert_notices
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_admin_actions' and p.policyname = 'Admins can view webhook admin actions') then
                create policy "Admins can view webhook admin actions" on public.webhook_admin_actions
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            if not exists (select from pg_policies as p
                           where p.schemaname = 'public' and p.tablename = 'webhook_dispatcher_runs' and p.policyname = 'Admins can view webhook dispatcher runs') then
                create policy "Admins can view webhook dispatcher runs" on public.webhook_dispatcher_runs
    for select to authenticated using ((select webhooks.is_admin()));
            end if;
            perform set_config('lock_timeout', _before, true);
            return;
        exception
            -- nothing is held now: transactions that waited for us continue
            when lock_not_available then
                perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'the tables were in use for a minute' using hint = 'End long transactions and push again.';
end $locks$;

insert into webhooks.expected_access (object, kind, grants) values
    ('public.adopt_webhook_project(text, text, integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.claim_for_webhook_listener(uuid, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.claim_webhook_url_checks(integer, double precision, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.count_webhook_sign_in(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.create_webhook_api_token(text, text[], interval)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.create_webhook_endpoint(jsonb)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.delete_webhook_endpoint(uuid, boolean)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.dispatch_webhook(text, jsonb, uuid, text, text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.end_webhook_secret_overlap(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.evaluate_webhook_alerts(jsonb, double precision)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.find_webhook_api_token(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.finish_webhook_dispatcher_run(uuid, integer, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.forget_webhook_sign_ins(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.get_webhook_delivery(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.is_webhook_admin()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.is_webhook_viewer(boolean)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.list_webhook_api_tokens()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.list_webhook_endpoints(uuid, text, uuid, integer, text, text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.list_webhook_secrets()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.prepare_webhook_partitions()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.purge_webhook_history(interval, integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.record_for_webhook_listener(uuid, jsonb)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.record_webhook_alert_notices(jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.record_webhook_attempts(jsonb, jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.record_webhook_url_checks(jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.release_webhook_deliveries(jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.replace_webhook_secret(uuid, text, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.retry_webhook_deliveries(uuid[], uuid, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.retry_webhook_delivery(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.retry_webhook_trigger_errors(uuid[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.revoke_webhook_api_token(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.rotate_webhook_secret(uuid, interval)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.send_test_webhook(uuid, text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.skip_webhook_deliveries(uuid[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.start_webhook_dispatcher_run(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.start_webhook_listener(text[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.stop_webhook_listener(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.update_webhook_endpoint(uuid, jsonb)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_admin_actions', 'table', '{"authenticated": ["SELECT"], "service_role": ["SELECT"]}'),
    ('public.webhook_admin_check()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_admin_write(text, jsonb, text, uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_admins(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_alert_notices', 'table', '{"authenticated": ["SELECT"], "service_role": ["SELECT"]}'),
    ('public.webhook_alerts', 'table', '{"authenticated": ["SELECT"], "service_role": ["SELECT"]}'),
    ('public.webhook_attach(regclass, text, text, jsonb, text, text, text, boolean)', 'function', '{}'),
    ('public.webhook_attempts', 'table', '{"authenticated": ["SELECT"], "service_role": ["DELETE", "INSERT", "SELECT", "UPDATE"]}'),
    ('public.webhook_backlog(integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_can_write()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_circuits', 'table', '{"authenticated": ["SELECT"], "service_role": ["SELECT"]}'),
    ('public.webhook_configurations', 'table', '{"authenticated": ["SELECT"], "service_role": ["DELETE", "INSERT", "SELECT", "UPDATE"]}'),
    ('public.webhook_define_event(text, text, jsonb, jsonb, boolean, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_deliveries', 'table', '{"authenticated": ["SELECT"], "service_role": ["DELETE", "INSERT", "SELECT", "UPDATE"]}'),
    ('public.webhook_delivery_overview', 'table', '{"authenticated": ["SELECT"], "service_role": ["SELECT"]}'),
    ('public.webhook_detach(regclass, text, text, boolean)', 'function', '{}'),
    ('public.webhook_diagnosis()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_dispatcher_runs', 'table', '{"authenticated": ["SELECT"], "service_role": ["DELETE", "INSERT", "SELECT", "UPDATE"]}'),
    ('public.webhook_event_types', 'table', '{"authenticated": ["SELECT"], "service_role": ["DELETE", "INSERT", "SELECT", "UPDATE"]}'),
    ('public.webhook_figures(uuid, text, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_health()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_inventory()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_metrics()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_overview()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_reattach()', 'function', '{}'),
    ('public.webhook_role()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_row_numbers(integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_sample_events(text, text[], text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_series(interval, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_tables()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_tenant_limits', 'table', '{"authenticated": ["SELECT"], "service_role": ["DELETE", "INSERT", "SELECT", "UPDATE"]}'),
    ('public.webhook_tenants(text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('public.webhook_traceparents(uuid[])', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.webhook_trigger_errors', 'table', '{"authenticated": ["SELECT"], "service_role": ["DELETE", "SELECT"]}'),
    ('public.webhook_triggers', 'table', '{"authenticated": ["SELECT"], "service_role": ["SELECT"]}'),
    ('public.webhook_version()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks', 'schema', '{"authenticated": ["USAGE"], "service_role": ["USAGE"]}'),
    ('webhooks.access_differences()', 'function', '{}'),
    ('webhooks.actor()', 'function', '{}'),
    ('webhooks.actual_access', 'table', '{}'),
    ('webhooks.admin_problems()', 'function', '{}'),
    ('webhooks.admin_rule_source()', 'function', '{}'),
    ('webhooks.admin_write(text, jsonb)', 'function', '{}'),
    ('webhooks.admin_writes', 'table', '{}'),
    ('webhooks.admits_anyone()', 'function', '{}'),
    ('webhooks.adopt_webhook_project(text, text, integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.alert_conditions(jsonb)', 'function', '{}'),
    ('webhooks.api_tokens', 'table', '{}'),
    ('webhooks.app_metadata()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.apply_endpoint_changes(public.webhook_configurations, jsonb)', 'function', '{}'),
    ('webhooks.bare_condition(text)', 'function', '{}'),
    ('webhooks.base_type(oid)', 'function', '{}'),
    ('webhooks.broken_triggers()', 'function', '{}'),
    ('webhooks.call_by_cron(text)', 'function', '{}'),
    ('webhooks.caller()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.change_identity(regclass, jsonb, text)', 'function', '{}'),
    ('webhooks.change_key(text, text[], jsonb, uuid)', 'function', '{}'),
    ('webhooks.change_scope()', 'function', '{}'),
    ('webhooks.changed_rows_sql(regclass, text, boolean)', 'function', '{}'),
    ('webhooks.check_access(text, text, uuid, uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.check_admin()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.check_endpoint()', 'function', '{}'),
    ('webhooks.check_payload_search(text)', 'function', '{}'),
    ('webhooks.check_payload_size(jsonb)', 'function', '{}'),
    ('webhooks.check_server()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.check_tenant(public.webhook_configurations, public.webhook_configurations)', 'function', '{}'),
    ('webhooks.check_url_again()', 'function', '{}'),
    ('webhooks.claim_for_webhook_listener(uuid, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.claim_webhook_deliveries(integer, integer, text, integer, jsonb, text, integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.claim_webhook_url_checks(integer, double precision, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.column_or_sql(regclass, text, text)', 'function', '{}'),
    ('webhooks.complete_delivery()', 'function', '{}'),
    ('webhooks.count_deliveries(timestamptz[], timestamptz, integer)', 'function', '{}'),
    ('webhooks.count_webhook_sign_in(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.create_webhook_api_token(text, text[], interval)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.create_webhook_endpoint(jsonb)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.cursors', 'table', '{}'),
    ('webhooks.delete_expired_listeners()', 'function', '{}'),
    ('webhooks.delete_webhook_endpoint(uuid, boolean)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.delivery_queue', 'table', '{}'),
    ('webhooks.delivery_rollups', 'table', '{}'),
    ('webhooks.dispatch_allowances', 'table', '{}'),
    ('webhooks.dispatch_limit_per_minute()', 'function', '{}'),
    ('webhooks.dispatcher_uptime(timestamptz)', 'function', '{}'),
    ('webhooks.drain_requests', 'sequence', '{}'),
    ('webhooks.drop_old_partitions(timestamptz)', 'function', '{}'),
    ('webhooks.due_in_seconds(double precision)', 'function', '{}'),
    ('webhooks.duration_percentile(bigint[], double precision)', 'function', '{}'),
    ('webhooks.emit(text, jsonb, uuid, text, text, text, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.emit_alerts(uuid[], text)', 'function', '{}'),
    ('webhooks.emit_as_user(text, jsonb, uuid, text, text)', 'function', '{"authenticated": ["EXECUTE"]}'),
    ('webhooks.emit_changes(text, text, text, text[], jsonb[], uuid[], text[])', 'function', '{}'),
    ('webhooks.emit_endpoint_events(uuid[], text)', 'function', '{}'),
    ('webhooks.emit_kept(public.webhook_triggers, text, jsonb)', 'function', '{}'),
    ('webhooks.emitted_by_change(text, jsonb, uuid, text)', 'function', '{}'),
    ('webhooks.end_webhook_secret_overlap(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.endpoint_health(public.webhook_configurations, public.webhook_circuits)', 'function', '{}'),
    ('webhooks.endpoint_secrets', 'table', '{}'),
    ('webhooks.endpoint_settings(uuid[], uuid[])', 'function', '{}'),
    ('webhooks.endpoint_status(public.webhook_configurations, public.webhook_circuits)', 'function', '{}'),
    ('webhooks.endpoints_with_due(uuid)', 'function', '{}'),
    ('webhooks.erase_webhook_payloads(text, text, timestamptz, integer, timestamptz, uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.evaluate_webhook_alerts(jsonb, double precision)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.example_of(jsonb, text)', 'function', '{}'),
    ('webhooks.expected_access', 'table', '{}'),
    ('webhooks.expected_policies', 'table', '{}'),
    ('webhooks.expire_deliveries(uuid[])', 'function', '{}'),
    ('webhooks.expire_held_deliveries(integer)', 'function', '{}'),
    ('webhooks.failed_deliveries', 'table', '{}'),
    ('webhooks.failing_endpoints(integer)', 'function', '{}'),
    ('webhooks.find_webhook_api_token(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.finish_webhook_dispatcher_run(uuid, integer, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.follow_delivery()', 'function', '{}'),
    ('webhooks.forget_deliveries()', 'function', '{}'),
    ('webhooks.forget_dropped_tables()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.forget_webhook_sign_ins(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.generate_secret()', 'function', '{}'),
    ('webhooks.get_webhook_delivery(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.has_admin_role()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.has_unchecked_urls()', 'function', '{}'),
    ('webhooks.headers_problem(jsonb, text)', 'function', '{}'),
    ('webhooks.hides_payloads()', 'function', '{}'),
    ('webhooks.hold_for(text)', 'function', '{}'),
    ('webhooks.idempotency_keys', 'table', '{}'),
    ('webhooks.if_admin(anyelement)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.if_reader(anyelement)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.installation', 'table', '{}'),
    ('webhooks.is_admin()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.is_customer()', 'function', '{}'),
    ('webhooks.is_delivery_of(uuid, uuid[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.is_ours(regclass)', 'function', '{}'),
    ('webhooks.is_platform_admin()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.is_server()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.is_viewer(boolean)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.json_object_sql(text[])', 'function', '{}'),
    ('webhooks.json_types(jsonb)', 'function', '{}'),
    ('webhooks.json_value_sql(oid, text)', 'function', '{}'),
    ('webhooks.keeps_delivery_plans()', 'function', '{}'),
    ('webhooks.kept_events(text[], jsonb[], uuid[], text[])', 'function', '{}'),
    ('webhooks.limits_of_tenant(text)', 'function', '{}'),
    ('webhooks.list_webhook_api_tokens()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.list_webhook_endpoints(uuid, text, uuid, integer, text, text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.list_webhook_secrets()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.listened_deliveries()', 'function', '{}'),
    ('webhooks.listener_owner()', 'function', '{}'),
    ('webhooks.listeners', 'table', '{}'),
    ('webhooks.live_secrets(uuid)', 'function', '{}'),
    ('webhooks.lock_listener(uuid)', 'function', '{}'),
    ('webhooks.lock_tables(regclass[])', 'function', '{}'),
    ('webhooks.log_action(text, uuid, uuid, jsonb)', 'function', '{}'),
    ('webhooks.made_up_problems(regclass, name[], text, jsonb)', 'function', '{}'),
    ('webhooks.made_up_values(oid, integer)', 'function', '{}'),
    ('webhooks.make_partition(text, text, timestamptz, timestamptz)', 'function', '{}'),
    ('webhooks.mentions(text, text, text)', 'function', '{}'),
    ('webhooks.migrations', 'table', '{}'),
    ('webhooks.missing_triggers()', 'function', '{}'),
    ('webhooks.move_all_endpoint_secrets()', 'function', '{}'),
    ('webhooks.move_endpoint_secrets()', 'function', '{}'),
    ('webhooks.new_circuit()', 'function', '{}'),
    ('webhooks.normal_url(text)', 'function', '{}'),
    ('webhooks.note_traceparent()', 'function', '{}'),
    ('webhooks.on_change()', 'function', '{}'),
    ('webhooks.parents_exist(regclass)', 'function', '{}'),
    ('webhooks.partitions', 'table', '{}'),
    ('webhooks.payload(text, jsonb, uuid, uuid)', 'function', '{}'),
    ('webhooks.payload_problem(jsonb)', 'function', '{}'),
    ('webhooks.prepare_webhook_partitions()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.previous_secrets', 'table', '{}'),
    ('webhooks.purge_deliveries(timestamptz, integer)', 'function', '{}'),
    ('webhooks.purge_webhook_history(interval, integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.queue_again(uuid, uuid, timestamptz, timestamptz)', 'function', '{}'),
    ('webhooks.queue_all_missing_deliveries()', 'function', '{}'),
    ('webhooks.queue_deliveries()', 'function', '{}'),
    ('webhooks.queue_missing_deliveries(integer, interval)', 'function', '{}'),
    ('webhooks.random_key()', 'function', '{}'),
    ('webhooks.ready_endpoints', 'table', '{}'),
    ('webhooks.record_for_webhook_listener(uuid, jsonb)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.record_trigger_error(text, text, text, integer, text, text, text, jsonb)', 'function', '{}'),
    ('webhooks.record_webhook_alert_notices(jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.record_webhook_attempts(jsonb, jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.record_webhook_url_checks(jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.redacted(jsonb, text[])', 'function', '{}'),
    ('webhooks.release_webhook_deliveries(jsonb)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.renew_listener(uuid)', 'function', '{}'),
    ('webhooks.replace_webhook_secret(uuid, text, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.replay_webhook_deliveries(uuid, timestamptz, timestamptz, text, text, boolean, integer, timestamptz, uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.request_drain()', 'function', '{}'),
    ('webhooks.reset_circuit()', 'function', '{}'),
    ('webhooks.retry_preset(text)', 'function', '{}'),
    ('webhooks.retry_wait(integer[], integer)', 'function', '{}'),
    ('webhooks.retry_webhook_deliveries(uuid[], uuid, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.retry_webhook_delivery(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.retry_webhook_trigger_errors(uuid[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.revoke_webhook_api_token(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.rotate_webhook_secret(uuid, interval)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.row_problem(text, text, jsonb, jsonb)', 'function', '{}'),
    ('webhooks.row_sql(regclass, text)', 'function', '{}'),
    ('webhooks.rows_sql(regclass, text, text)', 'function', '{}'),
    ('webhooks.same_row_sql(regclass, text, text)', 'function', '{}'),
    ('webhooks.sample_sql(text, text[], text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.schema_of(oid, boolean)', 'function', '{}'),
    ('webhooks.schema_problem(jsonb, jsonb)', 'function', '{}'),
    ('webhooks.search_webhook_deliveries(text, text, uuid, timestamptz, timestamptz, uuid, text, text, timestamptz, uuid, integer, integer, text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.second_factor_given()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.secret_problem(text)', 'function', '{}'),
    ('webhooks.secure()', 'function', '{}'),
    ('webhooks.send_test_webhook(uuid, text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.setup_steps()', 'function', '{}'),
    ('webhooks.sign_in_tries', 'table', '{}'),
    ('webhooks.skip_webhook_deliveries(uuid[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.spend_allowance(text)', 'function', '{}'),
    ('webhooks.start_webhook_dispatcher_run(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.start_webhook_listener(text[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.stop_webhook_listener(uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.tenant_endpoints(text[])', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.tenants(text)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.tidy_deliveries(integer)', 'function', '{}'),
    ('webhooks.touch_endpoint()', 'function', '{}'),
    ('webhooks.under_way(uuid, timestamptz, integer)', 'function', '{}'),
    ('webhooks.update_webhook_endpoint(uuid, jsonb)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.url_problem(text)', 'function', '{}'),
    ('webhooks.url_schemes', 'table', '{}'),
    ('webhooks.user_claims()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.user_id()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.user_sub()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.users_have_roles()', 'function', '{}'),
    ('webhooks.users_role_problem()', 'function', '{}'),
    ('webhooks.uuid_or_null(text)', 'function', '{}'),
    ('webhooks.waiting_for(uuid, integer)', 'function', '{}'),
    ('webhooks.wake_by_request(text, integer)', 'function', '{}'),
    ('webhooks.wake_for_endpoint()', 'function', '{}'),
    ('webhooks.wake_up_problem()', 'function', '{}'),
    ('webhooks.wake_ups', 'sequence', '{}'),
    ('webhooks.wake_workers()', 'function', '{}'),
    ('webhooks.webhook_admin_write(text, jsonb, text, uuid)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_admins(text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_backlog(integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_can_write()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_define_event(text, text, jsonb, jsonb, boolean, text)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_diagnosis()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_figures(uuid, text, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_health()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_histogram(timestamptz, timestamptz, integer, text, text, uuid, uuid, text, text, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_inventory()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_metrics()', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_overview()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_series(interval, integer)', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_tables()', 'function', '{"authenticated": ["EXECUTE"], "service_role": ["EXECUTE"]}'),
    ('webhooks.webhook_traceparents(uuid[])', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.where_credentials_go(text)', 'function', '{}'),
    ('webhooks.why_waiting(text, timestamptz, public.webhook_configurations, public.webhook_circuits)', 'function', '{}'),
    ('webhooks.without_comments(text)', 'function', '{}'),
    ('webhooks.without_expired(uuid[], uuid[])', 'function', '{}'),
    ('webhooks.without_header_values(jsonb)', 'function', '{}'),
    ('webhooks.write_probe', 'table', '{}'),
    ('webhooks.written_by_users(oid, name[])', 'function', '{}')
on conflict (object) do update set kind = excluded.kind, grants = excluded.grants;
insert into webhooks.expected_policies (table_name, name, command, roles, condition, statement) values
    ('public.webhook_admin_actions', 'Admins can view webhook admin actions', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook admin actions" on public.webhook_admin_actions
    for select to authenticated using ((select webhooks.is_admin()))'),
    ('public.webhook_alert_notices', 'Admins can view webhook alert notices', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook alert notices" on public.webhook_alert_notices
    for select to authenticated using ((select webhooks.is_admin()))'),
    ('public.webhook_alerts', 'Admins can view webhook alerts', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook alerts" on public.webhook_alerts
    for select to authenticated using ((select webhooks.is_admin()))'),
    ('public.webhook_attempts', 'Admins and customers can view webhook attempts', 'SELECT', '{authenticated}', '
        started_at >= (select webhooks.if_reader(''-infinity''::timestamp with time zone))
        and started_at <= (select webhooks.if_reader(''infinity''::timestamp with time zone))
        and ((select webhooks.is_admin())
            or webhooks.is_delivery_of(
                delivery_id, array(select webhooks.tenant_endpoints(array(select webhooks.tenants(''read''::text))))))', 'create policy "Admins and customers can view webhook attempts" on public.webhook_attempts
    for select to authenticated using (
        started_at >= (select webhooks.if_reader(''-infinity''::timestamp with time zone))
        and started_at <= (select webhooks.if_reader(''infinity''::timestamp with time zone))
        and ((select webhooks.is_admin())
            or webhooks.is_delivery_of(
                delivery_id, array(select webhooks.tenant_endpoints(array(select webhooks.tenants(''read''::text)))))))'),
    ('public.webhook_circuits', 'Admins can view webhook circuits', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook circuits" on public.webhook_circuits
    for select to authenticated using ((select webhooks.is_admin()))'),
    ('public.webhook_configurations', 'Admins and customers can view webhook endpoints', 'SELECT', '{authenticated}', '
        (id >= (select webhooks.if_admin(''00000000-0000-0000-0000-000000000000''::uuid))
            and id <= (select webhooks.if_admin(''ffffffff-ffff-ffff-ffff-ffffffffffff''::uuid)))
        or tenant_id = any (array(select webhooks.tenants(''read''::text)))', 'create policy "Admins and customers can view webhook endpoints" on public.webhook_configurations
    for select to authenticated using (
        (id >= (select webhooks.if_admin(''00000000-0000-0000-0000-000000000000''::uuid))
            and id <= (select webhooks.if_admin(''ffffffff-ffff-ffff-ffff-ffffffffffff''::uuid)))
        or tenant_id = any (array(select webhooks.tenants(''read''::text))))'),
    ('public.webhook_deliveries', 'Admins and customers can view webhook deliveries', 'SELECT', '{authenticated}', '
        created_at >= (select webhooks.if_reader(''-infinity''::timestamp with time zone))
        and ((webhook_config_id >= (select webhooks.if_admin(''00000000-0000-0000-0000-000000000000''::uuid))
                and webhook_config_id <= (select webhooks.if_admin(''ffffffff-ffff-ffff-ffff-ffffffffffff''::uuid)))
            or webhook_config_id = any (array(select webhooks.tenant_endpoints(array(select webhooks.tenants(''read''::text))))))', 'create policy "Admins and customers can view webhook deliveries" on public.webhook_deliveries
    for select to authenticated using (
        created_at >= (select webhooks.if_reader(''-infinity''::timestamp with time zone))
        and ((webhook_config_id >= (select webhooks.if_admin(''00000000-0000-0000-0000-000000000000''::uuid))
                and webhook_config_id <= (select webhooks.if_admin(''ffffffff-ffff-ffff-ffff-ffffffffffff''::uuid)))
            or webhook_config_id = any (array(select webhooks.tenant_endpoints(array(select webhooks.tenants(''read''::text)))))))'),
    ('public.webhook_dispatcher_runs', 'Admins can view webhook dispatcher runs', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook dispatcher runs" on public.webhook_dispatcher_runs
    for select to authenticated using ((select webhooks.is_admin()))'),
    ('public.webhook_event_types', 'Signed-in users can read the types that are for them', 'SELECT', '{authenticated}', '
        audience = ''customers''::text or users_may_dispatch or (select webhooks.is_admin())', 'create policy "Signed-in users can read the types that are for them" on public.webhook_event_types
    for select to authenticated using (
        audience = ''customers''::text or users_may_dispatch or (select webhooks.is_admin()))'),
    ('public.webhook_tenant_limits', 'Admins can view webhook tenant limits', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook tenant limits" on public.webhook_tenant_limits
    for select to authenticated using ((select webhooks.is_admin()))'),
    ('public.webhook_trigger_errors', 'Admins can view webhook trigger errors', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook trigger errors" on public.webhook_trigger_errors
    for select to authenticated using ((select webhooks.is_admin()))'),
    ('public.webhook_triggers', 'Admins can view webhook triggers', 'SELECT', '{authenticated}', '(select webhooks.is_admin())', 'create policy "Admins can view webhook triggers" on public.webhook_triggers
    for select to authenticated using ((select webhooks.is_admin()))')
on conflict (table_name, name) do update set command = excluded.command, roles = excluded.roles,
    condition = excluded.condition, statement = excluded.statement;

select webhooks.move_all_endpoint_secrets();
select webhooks.queue_all_missing_deliveries();
insert into public.webhook_circuits (webhook_config_id) select c.id from public.webhook_configurations as c
on conflict do nothing;

select s.kind, s.object, s.was, s.should_be from webhooks.secure() as s;

do $admins$
declare
    _one record;
begin
    for _one in select p.problem, p.cure from webhooks.admin_problems() as p loop
        raise warning '%. %', _one.problem, _one.cure;
    end loop;
end $admins$;

insert into webhooks.migrations (name, checksum, package_version) values ('system', '6151d747f920abe7114259dbe2ac021bd02ff68357c945bf54a18f837a4a6eac', '0.1.0')
on conflict (name) do update
set checksum = excluded.checksum, package_version = excluded.package_version, applied_at = now();
