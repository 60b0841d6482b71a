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
