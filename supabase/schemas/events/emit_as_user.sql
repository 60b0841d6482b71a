create or replace function webhooks.emit_as_user(
    event_type text,
    event_data jsonb,
    actor_user_id uuid,
    idempotency_key text,
    tenant_id text default null
)
returns jsonb
language plpgsql
-- definer: users may not call webhooks.emit, which accepts any actor
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _sub text := webhooks.user_sub();
    _answer jsonb;
begin
    if _sub is null then
        raise exception 'dispatch_webhook needs a signed-in user' using errcode = '42501';
    end if;
    if emit_as_user.actor_user_id is not null and emit_as_user.actor_user_id is distinct from webhooks.user_id() then
        raise exception 'actor_user_id % is not the signed-in user', emit_as_user.actor_user_id
            using errcode = '42501', hint = 'Leave actor_user_id out, or pass your own user id.';
    end if;
    if emit_as_user.tenant_id is not null and emit_as_user.tenant_id <> all (array(select webhooks.tenants('dispatch'))) then
        raise exception 'you cannot dispatch events of the tenant "%"', emit_as_user.tenant_id
            using errcode = '42501', hint = 'public.webhook_tenants decides who can.';
    end if;
    perform webhooks.spend_allowance(_sub);
    -- emit reports a type that does not exist
    if exists (select from public.webhook_event_types as t
               where t.name = emit_as_user.event_type and t.analytics_destination is null and not t.users_may_dispatch) then
        perform webhooks.check_payload_size(emit_as_user.event_data);
        -- users may learn what their own change emitted
        _answer := webhooks.emitted_by_change(emit_as_user.event_type, emit_as_user.event_data, webhooks.user_id(), _sub);
        if _answer is null then
            raise exception 'users cannot dispatch "%": only servers and triggers can', emit_as_user.event_type
                using errcode = '42501',
                      hint = 'A type that users may report is defined with users_may_dispatch => true.';
        end if;
        return _answer;
    end if;
    return webhooks.emit(
        emit_as_user.event_type, emit_as_user.event_data, webhooks.user_id(),
        emit_as_user.idempotency_key, 'user:' || _sub, _sub, emit_as_user.tenant_id);
end $$;
comment on function webhooks.emit_as_user(text, jsonb, uuid, text, text) is 'Creates the deliveries of an event for the signed-in user, who is the actor.';
revoke all on function webhooks.emit_as_user(text, jsonb, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.emit_as_user(text, jsonb, uuid, text, text) to authenticated;
