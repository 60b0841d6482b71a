-- the first generation's returned void, and a return type cannot be changed in place
drop function if exists public.dispatch_webhook(text, jsonb, uuid);
create or replace function public.dispatch_webhook(
    event_type text,
    event_data jsonb,
    actor_user_id uuid default null,
    idempotency_key text default null,
    tenant_id text default null
)
returns jsonb
language plpgsql
-- invoker: current_user tells a user from a server-side caller. Inside a definer function of the app, such as the
-- platform's apply_referral_code, it is that function's owner.
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if webhooks.is_server() then
        return webhooks.emit(
            dispatch_webhook.event_type, dispatch_webhook.event_data, dispatch_webhook.actor_user_id,
            dispatch_webhook.idempotency_key, 'server', null, dispatch_webhook.tenant_id);
    end if;
    if current_user <> 'authenticated' then
        raise exception 'dispatch_webhook needs a signed-in user' using errcode = '42501';
    end if;
    return webhooks.emit_as_user(
        dispatch_webhook.event_type, dispatch_webhook.event_data, dispatch_webhook.actor_user_id,
        dispatch_webhook.idempotency_key, dispatch_webhook.tenant_id);
end $$;
comment on function public.dispatch_webhook(text, jsonb, uuid, text, text) is 'Dispatches an event to every endpoint that subscribes to it: the app''s own, and with a tenant_id that tenant''s. Returns {"request_id", "deliveries"}; a repeated idempotency_key returns the first result and delivers nothing.';
revoke all on function public.dispatch_webhook(text, jsonb, uuid, text, text) from public, anon, authenticated, service_role;
grant execute on function public.dispatch_webhook(text, jsonb, uuid, text, text) to authenticated, service_role;
