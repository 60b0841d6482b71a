-- Writes of the admin API: done once for an idempotency key, however often they are asked for.

create table if not exists webhooks.admin_writes (
    scope text not null,
    key text not null check (length(key) between 1 and 255),
    request jsonb not null,
    answer jsonb,
    created_at timestamptz not null default now(),
    primary key (scope, key)
);
create index if not exists idx_admin_writes_created_at on webhooks.admin_writes (created_at);
comment on table webhooks.admin_writes is 'What a write with an Idempotency-Key answered, for a day. Secrets are left out.';
comment on column webhooks.admin_writes.scope is 'Whose key it is: a user''s id, or a server''s role.';
comment on column webhooks.admin_writes.request is 'A digest of what was asked, to tell a repetition from another request under the same key.';
alter table webhooks.admin_writes enable row level security;
revoke all on webhooks.admin_writes from public, anon, authenticated;

create or replace function webhooks.admin_write(action text, arguments jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
    case action
        when 'create_endpoint' then
            return public.create_webhook_endpoint(arguments -> 'settings');
        when 'update_endpoint' then
            return public.update_webhook_endpoint((arguments ->> 'webhook_config_id')::uuid, arguments -> 'changes');
        when 'rotate_secret' then
            return public.rotate_webhook_secret(
                (arguments ->> 'webhook_config_id')::uuid,
                make_interval(secs => coalesce((arguments ->> 'overlap_seconds')::double precision, 86400)));
        when 'send_test' then
            return public.send_test_webhook((arguments ->> 'webhook_config_id')::uuid);
        when 'retry' then
            return public.retry_webhook_delivery((arguments ->> 'delivery_id')::uuid);
        when 'replay' then
            return public.replay_webhook_deliveries(
                (arguments ->> 'webhook_config_id')::uuid,
                (arguments ->> 'created_from')::timestamptz,
                (arguments ->> 'created_until')::timestamptz,
                arguments ->> 'event_type',
                coalesce(arguments ->> 'status', 'failed'),
                coalesce((arguments ->> 'dry_run')::boolean, true),
                coalesce((arguments ->> 'at_most')::integer, 1000),
                (arguments ->> 'after_created_at')::timestamptz,
                (arguments ->> 'after_id')::uuid);
        when 'dispatch' then
            -- as the admin: another actor is for servers to name
            perform webhooks.log_action('dispatch', null, null, jsonb_build_object('event_type', arguments ->> 'event_type'));
            return webhooks.emit(arguments ->> 'event_type', arguments -> 'event_data', auth.uid(), null, 'admin');
        else
            raise exception 'there is no admin action %', action using errcode = '22023';
    end case;
end $$;
comment on function webhooks.admin_write(text, jsonb) is 'Does one write of the admin API.';
revoke all on function webhooks.admin_write(text, jsonb) from public, anon, authenticated;

create or replace function public.webhook_admin_write(
    action text,
    arguments jsonb,
    idempotency_key text default null
)
returns jsonb
language plpgsql
-- definer: the keys' table is nobody's
security definer
set search_path = ''
as $$
declare
    _scope text := coalesce(auth.uid()::text, webhooks.caller());
    -- a digest: a header's value in the arguments must not lie in a second table
    _request jsonb := jsonb_build_object('action', action, 'digest', encode(sha256(convert_to(arguments::text, 'UTF8')), 'hex'));
    _earlier webhooks.admin_writes;
    _answer jsonb;
begin
    perform webhooks.check_admin();
    if idempotency_key is null then
        return webhooks.admin_write(action, arguments);
    end if;
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
                using errcode = 'PT422', hint = 'Make a new key for each request; repeat it only to repeat the request.';
        end if;
        return _earlier.answer || '{"repeated": true}';
    end if;
    _answer := webhooks.admin_write(action, arguments);
    update webhooks.admin_writes as w
    set answer = _answer - 'secret_key'
    where w.scope = _scope and w.key = idempotency_key;
    return _answer;
end $$;
comment on function public.webhook_admin_write(text, jsonb, text) is 'A write of the admin API: create_endpoint, update_endpoint, rotate_secret, send_test, retry, replay or dispatch. A repeated idempotency_key within a day returns the first answer, without its secret, and does nothing.';
revoke all on function public.webhook_admin_write(text, jsonb, text) from public, anon, authenticated;
grant execute on function public.webhook_admin_write(text, jsonb, text) to authenticated, service_role;
