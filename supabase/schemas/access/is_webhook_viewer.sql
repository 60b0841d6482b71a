create or replace function public.is_webhook_viewer(payloads boolean)
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
revoke all on function public.is_webhook_viewer(boolean) from public, anon, authenticated, service_role;
grant execute on function public.is_webhook_viewer(boolean) to authenticated, service_role;
