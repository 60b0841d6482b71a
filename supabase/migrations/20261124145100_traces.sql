-- The trace that an event was dispatched in: who calls through the REST API with a `traceparent` header (W3C Trace
-- Context) finds the deliveries in the same trace.

alter table public.webhook_deliveries add column if not exists traceparent text;
comment on column public.webhook_deliveries.traceparent is 'The traceparent header of the request that dispatched the event; empty without one.';

create or replace function webhooks.note_traceparent()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.traceparent := (
        select h.value
        from json_each_text(current_setting('request.headers', true)::json) as h (key, value)
        where lower(h.key) = 'traceparent' and h.value ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
        limit 1);
    return new;
exception
    when invalid_text_representation then
        -- headers that are no JSON are no reason to lose an event
        return new;
end $$;
comment on function webhooks.note_traceparent() is 'Keeps the traceparent of the request that a delivery is made by.';
revoke all on function webhooks.note_traceparent() from public, anon, authenticated;
create trigger note_webhook_traceparent
    before insert on public.webhook_deliveries
    -- the condition costs less than a call: most deliveries are made outside of any trace
    for each row when (new.traceparent is null and current_setting('request.headers', true) ilike '%traceparent%')
    execute function webhooks.note_traceparent();

create or replace function public.webhook_traceparents(delivery_ids uuid[])
returns jsonb
language sql
stable
-- definer: a worker needs this function, not the tables
security definer
set search_path = ''
as $$
    select coalesce(jsonb_object_agg(d.id, d.traceparent), '{}')
    from public.webhook_deliveries as d
    where d.id = any (delivery_ids) and d.traceparent is not null
$$;
comment on function public.webhook_traceparents(uuid[]) is 'The traceparent of each delivery that has one, by id.';
revoke all on function public.webhook_traceparents(uuid[]) from public, anon, authenticated;
grant execute on function public.webhook_traceparents(uuid[]) to service_role;
