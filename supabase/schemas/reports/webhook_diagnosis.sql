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
