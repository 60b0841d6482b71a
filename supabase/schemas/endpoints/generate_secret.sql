create or replace function webhooks.generate_secret()
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    -- (encode() breaks lines after 76 characters; these are 44)
    select 'whsec_' || encode(webhooks.random_key(), 'base64')
$$;
comment on function webhooks.generate_secret() is 'A new secret: whsec_ and 32 random bytes in base64, as Standard Webhooks has it.';
revoke all on function webhooks.generate_secret() from public, anon, authenticated, service_role;
