create or replace function webhooks.move_endpoint_secrets()
returns trigger
language plpgsql
-- definer: callers that write an endpoint hold no privilege on the table of secrets
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- An upsert of an endpoint that exists comes here first as an insert. Its update gets what this row holds, as
    -- `excluded`: not the values, which an error about the row would show, but a mark that they are kept for it. The
    -- endpoint's check, the first of the update's triggers, puts them in again.
    if tg_op = 'INSERT' and exists (select from public.webhook_configurations as c where c.id = new.id) then
        perform set_config('webhooks.kept_secrets', (
            coalesce(nullif(current_setting('webhooks.kept_secrets', true), ''), '{}')::jsonb
            || jsonb_build_object(new.id, jsonb_build_object('secret_key', new.secret_key, 'headers', new.headers)))::text, true);
        new.secret_key := case when new.secret_key <> '' then 'kept:' || new.id else new.secret_key end;
        new.headers := case when new.headers <> '{}' then jsonb_build_object('kept', new.id) else new.headers end;
        return new;
    end if;
    -- the table rejects a row without an id, and so would the table of secrets, whose error would show it
    if new.id is null then
        new.secret_key := null;
        new.headers := null;
        return new;
    end if;
    insert into webhooks.endpoint_secrets as s (webhook_config_id, secret_key, headers)
    values (new.id, nullif(new.secret_key, ''), nullif(new.headers, '{}'))
    on conflict (webhook_config_id) do update
    set secret_key = case when new.secret_key is null then s.secret_key else excluded.secret_key end,
        headers = case when new.headers is null then s.headers else excluded.headers end;
    new.secret_key := null;
    new.headers := null;
    return new;
end $$;
comment on function webhooks.move_endpoint_secrets() is 'Moves a secret and headers that were written to an endpoint into webhooks.endpoint_secrets, in the same statement.';
revoke all on function webhooks.move_endpoint_secrets() from public, anon, authenticated, service_role;
