create or replace function webhooks.spend_allowance(user_sub text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _limit double precision := webhooks.dispatch_limit_per_minute();
begin
    if _limit is null then
        return;
    end if;
    insert into webhooks.dispatch_allowances as a (user_sub, events)
    values (spend_allowance.user_sub, _limit - 1)
    on conflict on constraint dispatch_allowances_pkey do update
    set events = least(_limit, a.events + _limit / 60 * extract(epoch from now() - a.at)) - 1,
        at = now()
    where least(_limit, a.events + _limit / 60 * extract(epoch from now() - a.at)) >= 1;
    if not found then
        raise exception 'you have dispatched more than % events in a minute', _limit
            using errcode = 'PT429', hint = 'Wait a moment. Triggers and the service role have no limit.';
    end if;
end $$;
comment on function webhooks.spend_allowance(text) is 'Takes one event from a user''s allowance, or raises PT429.';
revoke all on function webhooks.spend_allowance(text) from public, anon, authenticated, service_role;
