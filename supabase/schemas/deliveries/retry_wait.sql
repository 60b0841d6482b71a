create or replace function webhooks.retry_wait(retry_schedule integer[], attempts integer)
returns double precision
-- not language sql: before Postgres 18, that is planned on each call
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        -- the plain row's: 2^n seconds after attempt n, at most 60; what does not count may come to 2^1024, an error
        when retry_schedule is null then least(60, power(2, least(attempts, 6)))
        -- the preset quick says the same
        when retry_schedule = '{2,4}' then retry_schedule[least(attempts, 2)]
        -- a fifth of it more or less, so that what failed together does not come back together
        else retry_schedule[greatest(least(attempts, cardinality(retry_schedule)), 1)] * (0.8 + 0.4 * random())
    end;
end $$;
comment on function webhooks.retry_wait(integer[], integer) is 'Seconds to wait after an attempt, by the endpoint''s retry_schedule.';
revoke all on function webhooks.retry_wait(integer[], integer) from public, anon, authenticated, service_role;
