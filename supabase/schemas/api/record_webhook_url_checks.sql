create or replace function public.record_webhook_url_checks(
    results jsonb
)
returns integer
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.record_webhook_url_checks(record_webhook_url_checks.results);
end $$;
comment on function public.record_webhook_url_checks(jsonb) is 'Records workers'' checks of URLs: each as it was claimed, with "warning", which is null if the URL is fine. Returns how many counted: not those whose URL has changed in the meantime.';
revoke all on function public.record_webhook_url_checks(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.record_webhook_url_checks(jsonb) to service_role;
