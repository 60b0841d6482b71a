create or replace function webhooks.claim_webhook_url_checks(
    how_many integer default 10,
    lease_seconds double precision default 60,
    project text default null
)
returns jsonb
language plpgsql
-- definer: behind public.claim_webhook_url_checks, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _claimed jsonb;
begin
    -- a copy of a database connects to no receiver
    if webhooks.hold_for(claim_webhook_url_checks.project) is not null then
        return '[]';
    end if;
    with due as materialized (
        select h.webhook_config_id as id, c.url, c.credentials_profile,
               c.tenant_id is not null and not (webhooks.limits_of_tenant(c.tenant_id)).private_networks as public_only
        from public.webhook_circuits as h
        join public.webhook_configurations as c on c.id = h.webhook_config_id
        where h.url_check_at <= now() and c.deleted_at is null
        order by h.url_check_at
        limit least(greatest(coalesce(how_many, 10), 1), 100)
        -- one that is locked can wait
        for update of h skip locked
    ),
    leased as (
        update public.webhook_circuits as h
        set url_check_at = now() + make_interval(secs => greatest(coalesce(lease_seconds, 60), 1))
        from due
        where h.webhook_config_id = due.id
    )
    select coalesce(jsonb_agg(to_jsonb(due)), '[]') into _claimed from due;
    return _claimed;
end $$;
comment on function webhooks.claim_webhook_url_checks(integer, double precision, text) is 'Behind public.claim_webhook_url_checks.';
revoke all on function webhooks.claim_webhook_url_checks(integer, double precision, text) from public, anon, authenticated, service_role;
grant execute on function webhooks.claim_webhook_url_checks(integer, double precision, text) to service_role;
