create or replace function webhooks.rotate_webhook_secret(
    webhook_config_id uuid,
    overlap interval default '24 hours'
)
returns jsonb
language plpgsql
-- definer: behind public.rotate_webhook_secret, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _endpoint public.webhook_configurations;
    _current text;
    _secret text := webhooks.generate_secret();
    _until timestamptz;
begin
    if overlap is null or overlap < interval '0' or overlap > interval '30 days' then
        raise exception 'the overlap must be between 0 and 30 days' using errcode = '22023';
    end if;
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = rotate_webhook_secret.webhook_config_id
    for update;
    if not found then
        raise exception 'webhook endpoint % does not exist', rotate_webhook_secret.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;

    select e.secret_key into _current from webhooks.endpoint_secrets as e where e.webhook_config_id = _endpoint.id;

    delete from webhooks.previous_secrets as p
    where p.webhook_config_id = _endpoint.id and p.expires_at <= now();
    if _current is not null and overlap > interval '0' then
        _until := now() + overlap;
        insert into webhooks.previous_secrets (webhook_config_id, secret_key, expires_at)
        values (_endpoint.id, _current, _until);
    end if;
    -- each secret lengthens a header of every delivery: of many rotations in a row the last three old ones sign
    delete from webhooks.previous_secrets as p
    where p.webhook_config_id = _endpoint.id
      and p.replaced_at not in (
          select k.replaced_at
          from webhooks.previous_secrets as k
          where k.webhook_config_id = _endpoint.id
          order by k.replaced_at desc
          limit 3);
    -- a leaked secret must not sign on because an earlier rotation gave it time
    if overlap = interval '0' then
        delete from webhooks.previous_secrets as p where p.webhook_config_id = _endpoint.id;
    end if;
    update public.webhook_configurations as c set secret_key = _secret where c.id = _endpoint.id;
    perform webhooks.log_action('rotate_secret', _endpoint.id, null, jsonb_build_object('previous_until', _until));
    return jsonb_build_object('id', _endpoint.id, 'secret_key', _secret, 'previous_until', _until);
end $$;
comment on function webhooks.rotate_webhook_secret(uuid, interval) is 'Behind public.rotate_webhook_secret.';
revoke all on function webhooks.rotate_webhook_secret(uuid, interval) from public, anon, authenticated, service_role;
grant execute on function webhooks.rotate_webhook_secret(uuid, interval) to authenticated, service_role;
