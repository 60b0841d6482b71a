create or replace view webhooks.ready_endpoints as
select c.id,
       coalesce(h.state, 'closed') as state,
       (coalesce(h.state, 'closed') <> 'closed' or h.places is not null
           or c.rate_limit_per_second is not null or c.max_concurrency is not null) as limited,
       -- in flight at most; null: no limit
       case when h.state <> 'closed' then 1 else least(c.max_concurrency, h.places) end as places,
       -- deliveries claimed before the circuit opened do not count: the probe need not wait for them
       case when h.state <> 'closed' then h.since else '-infinity' end as places_since,
       -- a bucket of one second's tokens; null: no limit
       least(c.rate_limit_per_second::double precision, coalesce(
           h.tokens + c.rate_limit_per_second * greatest(0, extract(epoch from now() - h.tokens_at)),
           c.rate_limit_per_second)) as tokens,
       c.timeout_seconds
from public.webhook_configurations as c
-- a row loaded without triggers has no circuit yet
left join public.webhook_circuits as h on h.webhook_config_id = c.id
-- "is not false", so that the planner does not use the index of active endpoints to find one by its id
where c.is_active is not false
  -- `webhooks listen` claims its own
  and c.url not like 'listen:%'
  and (h.paused_until is null or h.paused_until <= now())
  and (h.state is null or h.state <> 'open' or h.open_until <= now());
comment on view webhooks.ready_endpoints is 'The endpoints that deliveries may go to now, with their limits.';
revoke all on webhooks.ready_endpoints from public, anon, authenticated, service_role;
