-- A signed-in user may dispatch so many events a minute; server-side callers as many as they like.

create or replace function webhooks.dispatch_limit_per_minute()
returns integer
language sql
immutable
set search_path = ''
as $$ select 60 $$;
comment on function webhooks.dispatch_limit_per_minute() is 'Events that a signed-in user may dispatch in a minute. Replace the function to change it; null: no limit.';
revoke all on function webhooks.dispatch_limit_per_minute() from public, anon, authenticated;

create table if not exists webhooks.dispatch_allowances (
    user_id uuid primary key,
    events double precision not null,
    at timestamptz not null default now()
) with (fillfactor = 50);
comment on table webhooks.dispatch_allowances is 'How many events each user could dispatch at a moment; it grows again by the limit a minute, up to the limit.';
alter table webhooks.dispatch_allowances enable row level security;
revoke all on webhooks.dispatch_allowances from public, anon, authenticated;

create or replace function webhooks.spend_allowance(user_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
    _limit double precision := webhooks.dispatch_limit_per_minute();
begin
    if _limit is null then
        return;
    end if;
    insert into webhooks.dispatch_allowances as a (user_id, events)
    values (spend_allowance.user_id, _limit - 1)
    on conflict on constraint dispatch_allowances_pkey do update
    set events = least(_limit, a.events + _limit / 60 * extract(epoch from now() - a.at)) - 1,
        at = now()
    where least(_limit, a.events + _limit / 60 * extract(epoch from now() - a.at)) >= 1;
    if not found then
        raise exception 'you have dispatched more than % events in a minute', _limit
            using errcode = 'PT429', hint = 'Wait a moment. What many users cause is dispatched by a trigger or the service role, which have no limit.';
    end if;
end $$;
comment on function webhooks.spend_allowance(uuid) is 'Takes one event from a user''s allowance, or raises PT429.';
revoke all on function webhooks.spend_allowance(uuid) from public, anon, authenticated;

create or replace function webhooks.check_payload_size(payload jsonb)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if octet_length(payload::text) > 262144 then
        raise exception 'the webhook payload has % bytes; at most 262144 (256 KB) are allowed', octet_length(payload::text)
            using errcode = '22023', hint = 'Send an id or a link in event_data and let the receiver fetch the rest.';
    end if;
    -- parsers of many languages give up at some depth: a receiver's, or a worker's
    if payload @? '$.**{101}' then
        raise exception 'the webhook payload is nested more than 100 levels deep'
            using errcode = '22023', hint = 'Flatten event_data.';
    end if;
end $$;

create or replace function webhooks.emit_as_user(
    event_type text,
    event_data jsonb,
    actor_user_id uuid,
    idempotency_key text
)
returns jsonb
language plpgsql
-- definer: users may not call webhooks.emit, which believes any actor
security definer
set search_path = ''
as $$
begin
    if auth.uid() is null then
        raise exception 'dispatch_webhook needs a signed-in user' using errcode = '42501';
    end if;
    if emit_as_user.actor_user_id <> auth.uid() then
        raise exception 'actor_user_id % is not the signed-in user', emit_as_user.actor_user_id
            using errcode = '42501', hint = 'Leave actor_user_id out, or pass your own user id.';
    end if;
    perform webhooks.spend_allowance(auth.uid());
    return webhooks.emit(
        emit_as_user.event_type, emit_as_user.event_data, emit_as_user.actor_user_id,
        emit_as_user.idempotency_key, auth.uid()::text);
end $$;
