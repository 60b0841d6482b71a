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
