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
