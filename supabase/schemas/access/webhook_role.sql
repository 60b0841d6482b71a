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
