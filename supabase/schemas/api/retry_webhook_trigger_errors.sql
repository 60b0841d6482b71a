create or replace function public.retry_webhook_trigger_errors(
    ids uuid[] default null
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_admin();
    return webhooks.retry_webhook_trigger_errors(retry_webhook_trigger_errors.ids);
end $$;
comment on function public.retry_webhook_trigger_errors(uuid[]) is 'Emits once, in order, the events that triggers could not emit: of the given errors, or of the oldest 1,000 that are not resolved. Returns {"resolved", "failed": [{"id", "message"}]}.';
revoke all on function public.retry_webhook_trigger_errors(uuid[]) from public, anon, authenticated, service_role;
grant execute on function public.retry_webhook_trigger_errors(uuid[]) to authenticated, service_role;
