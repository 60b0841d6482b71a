create or replace function webhooks.check_tenant(new public.webhook_configurations, old public.webhook_configurations)
returns public.webhook_configurations
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _limits public.webhook_tenant_limits;
    _others integer;
    _taken bigint;
    _rate integer;
begin
    if length(new.tenant_id) not between 1 and 255 then
        raise exception 'webhook endpoint "%": a tenant_id has 1 to 255 characters', new.name
            using errcode = '22023', hint = 'null: the endpoint is the app''s own.';
    end if;
    -- the history would go along, to people who may not read it
    if old.tenant_id <> coalesce(new.tenant_id, '') then
        raise exception 'webhook endpoint "%" belongs to a tenant, which cannot change', new.name
            using errcode = '22023', hint = 'Delete it, and create one for the other tenant.';
    end if;
    if new.tenant_id is null or new.deleted_at is not null then
        return new;
    end if;
    _limits := webhooks.limits_of_tenant(new.tenant_id);
    if new.url is distinct from old.url and split_part(new.url, ':', 1) <> all (_limits.schemes) then
        raise exception 'webhook endpoint "%": the URL of a tenant''s endpoint must begin with %', new.name,
            (select string_agg(s || '://', ' or ' order by s) from unnest(_limits.schemes) as s)
            using errcode = '22023', hint = 'Example: https://example.com/webhooks.';
    end if;
    if nullif(new.credentials_profile, '') is not null then
        raise exception 'webhook endpoint "%": a tenant''s endpoint has no credentials_profile: the profiles are the app''s own', new.name
            using errcode = '22023', hint = 'Leave credentials_profile out.';
    end if;
    -- two at once must not both be the last one
    perform pg_advisory_xact_lock(hashtextextended('webhooks.tenant:' || new.tenant_id, 0));
    select count(*), coalesce(sum(c.rate_limit_per_second), 0) into _others, _taken
    from public.webhook_configurations as c
    where c.tenant_id = new.tenant_id and c.id <> new.id and c.deleted_at is null;
    if old.tenant_id is null and _others >= _limits.endpoints then
        raise exception 'the tenant "%" has % endpoints, which is its limit', new.tenant_id, _others
            using errcode = '22023', hint = 'Delete one that is not needed.';
    end if;
    if new.rate_limit_per_second is null then
        _rate := greatest(_limits.deliveries_per_second / greatest(_limits.endpoints, 1), 1);
        new.rate_limit_per_second := greatest(least(_rate, _limits.deliveries_per_second - _taken), 1);
    elsif new.rate_limit_per_second is distinct from old.rate_limit_per_second
        and new.rate_limit_per_second > _limits.deliveries_per_second - _taken then
        raise exception 'webhook endpoint "%": the endpoints of the tenant "%" can have % deliveries a second together, and the others have %',
            new.name, new.tenant_id, _limits.deliveries_per_second, _taken
            using errcode = '22023', hint = 'Lower rate_limit_per_second here or there.';
    end if;
    return new;
end $$;
comment on function webhooks.check_tenant(public.webhook_configurations, public.webhook_configurations) is 'An endpoint within the limits of its tenant, or an error that names the limit.';
revoke all on function webhooks.check_tenant(public.webhook_configurations, public.webhook_configurations) from public, anon, authenticated, service_role;
