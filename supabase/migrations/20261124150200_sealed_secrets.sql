-- Secrets at rest: workers with WEBHOOKS_ENCRYPTION_KEYS encrypt what they find in plain text, and re-encrypt what
-- has another key than the first. The database never has a key.

create or replace function public.list_webhook_secrets()
returns table (webhook_config_id uuid, secret_key text)
language sql
stable
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
as $$
    select c.id, c.secret_key from public.webhook_configurations as c where c.secret_key <> ''
    union all
    select p.webhook_config_id, p.secret_key from webhooks.previous_secrets as p
$$;
comment on function public.list_webhook_secrets() is 'All secrets as they are stored, sealed or not, for workers to seal.';
revoke all on function public.list_webhook_secrets() from public, anon, authenticated;
grant execute on function public.list_webhook_secrets() to service_role;

create or replace function public.replace_webhook_secret(webhook_config_id uuid, stored text, sealed text)
returns boolean
language plpgsql
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
as $$
declare
    _replaced integer;
    _more integer;
begin
    -- only what is still as it was read: a rotation meanwhile wins
    update public.webhook_configurations as c
    set secret_key = sealed
    where c.id = replace_webhook_secret.webhook_config_id and c.secret_key = stored;
    get diagnostics _replaced = row_count;
    update webhooks.previous_secrets as p
    set secret_key = sealed
    where p.webhook_config_id = replace_webhook_secret.webhook_config_id and p.secret_key = stored;
    get diagnostics _more = row_count;
    return _replaced + _more > 0;
end $$;
comment on function public.replace_webhook_secret(uuid, text, text) is 'Stores a secret in another form, if it is still as it was read.';
revoke all on function public.replace_webhook_secret(uuid, text, text) from public, anon, authenticated;
grant execute on function public.replace_webhook_secret(uuid, text, text) to service_role;

create or replace function webhooks.check_endpoint_key()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- 32 bytes, or 64 as libsodium has them; the value itself never stands in an error: errors are logged
    if starts_with(new.secret_key, 'whsk_')
        and substr(new.secret_key, 6) !~ '^([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)$' then
        raise exception 'webhook endpoint "%": secret_key starts with whsk_ but no ed25519 key in base64 follows', new.name
            using errcode = '22023', hint = 'Make one with: webhooks secret --ed25519';
    end if;
    return new;
end $$;
revoke all on function webhooks.check_endpoint_key() from public, anon, authenticated;
create trigger check_webhook_endpoint_key
    before insert or update of secret_key on public.webhook_configurations
    for each row execute function webhooks.check_endpoint_key();
comment on column public.webhook_configurations.secret_key is 'Signs each delivery. whsec_ + base64 of 32 random bytes, whsk_ + base64 of an ed25519 key, or any other string; fernet:... is one that the workers have encrypted. Without one, deliveries are unsigned.';
