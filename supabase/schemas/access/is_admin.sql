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
