create or replace function webhooks.secret_problem(secret text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- the value itself never appears in an error: errors are logged
    select case
        -- sealed by a worker
        when secret is null or secret = '' or starts_with(secret, 'fernet:') then null
        when (secret collate "C") ~ '^[\u0001-\u0020\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]|[\u0001-\u0020\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]$'
            then 'secret_key has white space around it'
        when secret ~ '[\u0001-\u001f\u007f]' then 'secret_key has control characters'
        when secret ~ '^v1a?,' then 'secret_key starts with a signature''s version; the secret begins after the comma'
        when starts_with(secret, 'whpk_') then 'secret_key is a public key, which receivers verify with; whsk_ signs'
        when starts_with(secret, 'whsec_') then case
            when substr(secret, 7) !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$'
                then 'secret_key starts with whsec_ but no valid base64 follows'
            -- as Standard Webhooks has it
            when length(decode(substr(secret, 7), 'base64')) not between 24 and 64
                then 'secret_key starts with whsec_ and has fewer than 24 bytes, or more than 64'
        end
        -- 32 bytes, or 64 as libsodium has them
        when starts_with(secret, 'whsk_') then case
            when substr(secret, 6) !~ '^([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)$'
                then 'secret_key starts with whsk_ but no ed25519 key in base64 follows'
        end
        -- fewer are found by trying
        when octet_length(secret) < 5 then 'secret_key has fewer than 5 bytes'
        when octet_length(secret) > 1000 then 'secret_key has more than 1000 bytes'
    end
$$;
comment on function webhooks.secret_problem(text) is 'Why a secret cannot sign, or null. Does not contain the secret.';
revoke all on function webhooks.secret_problem(text) from public, anon, authenticated, service_role;
