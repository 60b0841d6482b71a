create or replace function public.close_expired_discussions(
    batch_size integer default 1000
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.close_expired_discussions(close_expired_discussions.batch_size);
end $$;
comment on function public.close_expired_discussions(integer) is 'Closes up to batch_size discussions that have expired and emits discussion.auto_closed for each. Returns {"closed", "remaining"}: call it again while some remain.';
revoke all on function public.close_expired_discussions(integer) from public, anon, authenticated, service_role;
grant execute on function public.close_expired_discussions(integer) to service_role;
