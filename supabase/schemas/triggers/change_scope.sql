-- The keys of changes are each transaction's own: two open ones that emit the same fact never wait for each other.
create or replace function webhooks.change_scope()
returns text
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return 'change:' || pg_current_xact_id()::text;
end $$;
comment on function webhooks.change_scope() is 'The scope of idempotency keys for the changes of this transaction.';
revoke all on function webhooks.change_scope() from public, anon, authenticated, service_role;
