-- Asked once by workers and gateway when they start. A release raises `database` when it changes a function that they
-- call, and `oldest_client` when the release before it no longer works on the new SQL.
create or replace function public.webhook_version()
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return '{"database": 1, "oldest_client": 1}';
end $$;
comment on function public.webhook_version() is 'The version of this SQL, and the oldest version of workers and gateway that works on it.';
revoke all on function public.webhook_version() from public, anon, authenticated, service_role;
grant execute on function public.webhook_version() to service_role;
