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
