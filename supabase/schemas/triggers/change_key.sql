-- One statement's changed rows become events by one insert, in the same transaction, and an error on the way never
-- fails the change. A dispatch_webhook for a change that a trigger has already emitted returns that event's result.

create or replace function webhooks.change_key(event_type text, identity text[], data jsonb, actor_user_id uuid)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select change_key.event_type || ':' || encode(sha256(convert_to(string_agg(
        case
            when part.name = '@actor' then coalesce(change_key.actor_user_id::text, 'null')
            -- a caller may write a uuid in upper case
            else coalesce(webhooks.uuid_or_null(change_key.data ->> part.name)::text,
                          (change_key.data -> part.name)::text, 'null')
        end, chr(10) order by part.position), 'UTF8')), 'hex')
    from unnest(change_key.identity) with ordinality as part (name, position)
$$;
comment on function webhooks.change_key(text, text[], jsonb, uuid) is 'The deterministic idempotency key of a change: event type, and a hash of the values that identify it.';
revoke all on function webhooks.change_key(text, text[], jsonb, uuid) from public, anon, authenticated, service_role;
