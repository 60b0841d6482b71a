create or replace function webhooks.webhook_admin_write(
    action text,
    arguments jsonb,
    idempotency_key text default null,
    api_token uuid default null
)
returns jsonb
language plpgsql
-- definer: behind public.webhook_admin_write, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _scope text := coalesce('user:' || webhooks.user_sub(), 'token:' || api_token, webhooks.caller());
    -- a digest: a header's value in the arguments must not be stored in a second table
    _request jsonb;
    _earlier webhooks.admin_writes;
    _answer jsonb;
begin
    -- for webhooks.actor()
    perform set_config('webhooks.api_token', coalesce(api_token::text, ''), true);
    if idempotency_key is null then
        return webhooks.admin_write(action, arguments);
    end if;
    perform webhooks.check_payload_size(arguments);
    _request := jsonb_build_object('action', action, 'digest', encode(sha256(convert_to(arguments::text, 'UTF8')), 'hex'));
    if length(idempotency_key) not between 1 and 255 then
        raise exception 'an idempotency key has 1 to 255 characters' using errcode = '22023';
    end if;
    delete from webhooks.admin_writes as w where w.created_at < now() - interval '24 hours';
    insert into webhooks.admin_writes (scope, key, request)
    values (_scope, idempotency_key, _request)
    on conflict do nothing;
    if not found then
        select w.* into _earlier from webhooks.admin_writes as w where w.scope = _scope and w.key = idempotency_key;
        if _earlier.request <> _request then
            raise exception 'this idempotency key was used for another request'
                using errcode = 'PT422', hint = 'Use a new key for each request; repeat it only to repeat the request.';
        end if;
        return _earlier.answer || '{"repeated": true}';
    end if;
    _answer := webhooks.admin_write(action, arguments);
    update webhooks.admin_writes as w
    set answer = _answer - 'secret_key' - 'token'
    where w.scope = _scope and w.key = idempotency_key;
    return _answer;
end $$;
comment on function webhooks.webhook_admin_write(text, jsonb, text, uuid) is 'Behind public.webhook_admin_write.';
revoke all on function webhooks.webhook_admin_write(text, jsonb, text, uuid) from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_admin_write(text, jsonb, text, uuid) to authenticated, service_role;
