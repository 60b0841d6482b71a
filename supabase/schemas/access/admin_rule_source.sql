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
