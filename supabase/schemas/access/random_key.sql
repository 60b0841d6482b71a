create or replace function webhooks.random_key()
returns bytea
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    -- Three random uuids hold 366 random bits from Postgres's strong source; SHA-256 makes 32 bytes of them, so no
    -- extension is needed.
    select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
$$;
comment on function webhooks.random_key() is '32 random bytes, for a secret or a token.';
revoke all on function webhooks.random_key() from public, anon, authenticated, service_role;
