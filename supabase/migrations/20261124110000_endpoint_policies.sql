-- What an endpoint's owner may set: how fast, how many at once, how long, which headers, when its circuit opens.

alter table public.webhook_configurations
    add column if not exists rate_limit_per_second integer check (rate_limit_per_second between 1 and 100000),
    add column if not exists max_concurrency integer check (max_concurrency between 1 and 10000),
    add column if not exists timeout_seconds double precision check (timeout_seconds between 0.1 and 120),
    add column if not exists headers jsonb,
    add column if not exists circuit_failure_threshold integer check (circuit_failure_threshold between 1 and 10000),
    add column if not exists circuit_reset_seconds integer check (circuit_reset_seconds between 1 and 86400);

comment on column public.webhook_configurations.rate_limit_per_second is 'Deliveries a second at most, over all workers; empty: no limit.';
comment on column public.webhook_configurations.max_concurrency is 'Deliveries at once at most, over all workers; empty: no limit.';
comment on column public.webhook_configurations.timeout_seconds is 'For one attempt; empty: the workers'' setting. Half the lease at most.';
comment on column public.webhook_configurations.headers is 'Extra headers as {"Name": "value"}, for example an Authorization that the receiver asks for. Treated as a secret: admins cannot read it through the API.';
comment on column public.webhook_configurations.circuit_failure_threshold is 'Consecutive failures that open the circuit; empty: the workers'' setting (5).';
comment on column public.webhook_configurations.circuit_reset_seconds is 'How long the circuit stays open before one request tries again; empty: the workers'' setting (300).';
grant select (rate_limit_per_second, max_concurrency, timeout_seconds, circuit_failure_threshold, circuit_reset_seconds)
    on public.webhook_configurations to authenticated;

create or replace function webhooks.headers_problem(headers jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
    select case
        when headers is null then null
        when jsonb_typeof(headers) <> 'object' then 'must be an object such as {"X-Team": "events"}'
        else (
            select string_agg(p.problem, '; ' order by p.problem)
            from (
                select case
                    -- RFC 9110, section 5.6.2: a field name is a token
                    when h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]+$' then format('%L is no header name', h.key)
                    when lower(h.key) ~ '^(webhook-.*|x-webhook-signature|content-type|content-length|content-encoding|host|connection|transfer-encoding|te|trailer|upgrade|expect|user-agent)$' then
                        format('%L is set by the sender', h.key)
                    when jsonb_typeof(h.value) <> 'string' then format('%L must be text', h.key)
                    when h.value #>> '{}' !~ '^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$' then
                        format('the value of %L must be printable ASCII', h.key)
                end as problem
                from jsonb_each(headers) as h (key, value)
            ) as p)
    end
$$;
comment on function webhooks.headers_problem(jsonb) is 'Why an endpoint''s extra headers cannot be sent, or null. Repeats no value.';
revoke all on function webhooks.headers_problem(jsonb) from public, anon, authenticated;
grant execute on function webhooks.headers_problem(jsonb) to service_role;

create or replace function webhooks.check_endpoint_headers()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    _problem text := webhooks.headers_problem(new.headers);
begin
    if _problem is not null then
        raise exception 'webhook endpoint "%": headers: %', new.name, _problem using errcode = '22023';
    end if;
    return new;
end $$;
revoke all on function webhooks.check_endpoint_headers() from public, anon, authenticated;
create trigger check_webhook_endpoint_headers
    before insert or update of headers on public.webhook_configurations
    for each row execute function webhooks.check_endpoint_headers();
