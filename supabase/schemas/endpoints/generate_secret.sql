create or replace function webhooks.generate_secret()
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    -- Three random uuids hold 366 random bits from Postgres's strong source; SHA-256 makes 32 bytes of them, so no
    -- extension is needed. (encode() breaks lines after 76 characters; these are 44.)
    select 'whsec_' || encode(sha256(
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64')
$$;
comment on function webhooks.generate_secret() is 'A new secret: whsec_ and 32 random bytes in base64, as Standard Webhooks has it.';
revoke all on function webhooks.generate_secret() from public, anon, authenticated, service_role;
