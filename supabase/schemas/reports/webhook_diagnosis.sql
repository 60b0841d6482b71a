-- What `webhooks doctor` asks a database: which migrations it has, whether the grants are right, and its clock.

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
    _needed constant text[] := array[
        'dispatch_webhook', 'claim_webhook_deliveries', 'record_webhook_attempts', 'release_webhook_deliveries',
        'webhook_backlog', 'webhook_health', 'start_webhook_dispatcher_run', 'finish_webhook_dispatcher_run',
        'send_test_webhook', 'is_webhook_admin'];
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
        'postgres', current_setting('server_version'),
        'migrations', _applied,
        -- functions that service_role needs and may not call, or that are not there
        'not_granted', (
            select coalesce(jsonb_agg(n.name order by n.name), '[]')
            from unnest(_needed) as n (name)
            where not exists (
                select from pg_catalog.pg_proc as p
                where p.pronamespace = 'public'::regnamespace and p.proname = n.name
                  and has_function_privilege('service_role', p.oid, 'execute'))),
        -- What a visitor who is not signed in may call, or reach the rows of: nothing. A privilege alone is none to
        -- speak of: a project's default grants may hand it out, and row level security holds without a policy.
        'exposed', (
            select coalesce(jsonb_agg(e.name order by e.name), '[]')
            from (
                select p.oid::regprocedure::text as name
                from pg_catalog.pg_proc as p
                where p.pronamespace in ('public'::regnamespace, 'webhooks'::regnamespace)
                  and p.proname like '%webhook%'
                  and p.prorettype <> 'trigger'::regtype
                  and has_function_privilege('anon', p.oid, 'execute')
                union all
                select c.oid::regclass::text
                from pg_catalog.pg_class as c
                where c.relnamespace in ('public'::regnamespace, 'webhooks'::regnamespace)
                  and c.relname like 'webhook%'
                  and has_table_privilege('anon', c.oid, 'select, insert, update, delete')
                  and case
                      when c.relkind = 'v' then not coalesce(c.reloptions::text[] && array['security_invoker=true', 'security_invoker=on'], false)
                      when c.relkind in ('r', 'p') then not c.relrowsecurity or exists (
                          select from pg_catalog.pg_policy as y
                          where y.polrelid = c.oid and y.polroles && array[0::oid, 'anon'::regrole::oid])
                      else false
                  end
            ) as e),
        -- tables whose rows nobody guards
        'unguarded', (
            select coalesce(jsonb_agg(c.oid::regclass::text order by c.relname), '[]')
            from pg_catalog.pg_class as c
            where c.relnamespace in ('public'::regnamespace, 'webhooks'::regnamespace)
              and c.relkind in ('r', 'p') and not c.relrowsecurity
              and (c.relnamespace = 'webhooks'::regnamespace or c.relname like 'webhook%')),
        'unsigned_endpoints', (
            select count(*) from public.webhook_configurations as e where e.is_active and not exists (
                select from webhooks.endpoint_secrets as s where s.webhook_config_id = e.id and s.secret_key is not null)),
        'extensions', (
            select coalesce(jsonb_agg(x.extname order by x.extname), '[]')
            from pg_catalog.pg_extension as x
            where x.extname in ('pg_cron', 'pg_net', 'pg_jsonschema')));
end $$;
comment on function webhooks.webhook_diagnosis() is 'Behind public.webhook_diagnosis.';
revoke all on function webhooks.webhook_diagnosis() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_diagnosis() to service_role;
