-- Rotating an endpoint's secret: for a while the old one signs beside the new one, so that the receiver can change over.

create table if not exists webhooks.previous_secrets (
    webhook_config_id uuid not null references public.webhook_configurations (id) on delete cascade,
    secret_key text not null,
    replaced_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    primary key (webhook_config_id, replaced_at)
);
comment on table webhooks.previous_secrets is 'Secrets that were rotated out and still sign until they expire.';
comment on column webhooks.previous_secrets.expires_at is 'From then on deliveries are no longer signed with it.';
alter table webhooks.previous_secrets enable row level security;
revoke all on webhooks.previous_secrets from public, anon, authenticated;

create or replace function webhooks.generate_secret()
returns text
language sql
volatile
set search_path = ''
as $$
    -- Three random uuids hold 366 random bits from Postgres's strong source; SHA-256 makes 32 bytes of them, so no
    -- extension is needed. (encode() breaks lines after 76 characters; these are 44.)
    select 'whsec_' || encode(sha256(
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64')
$$;
comment on function webhooks.generate_secret() is 'A new secret: whsec_ and 32 random bytes in base64, as Standard Webhooks has it.';
revoke all on function webhooks.generate_secret() from public, anon, authenticated;

create or replace function webhooks.live_secrets(endpoint public.webhook_configurations)
returns jsonb
language sql
stable
set search_path = ''
as $$
    select jsonb_agg(s.secret_key order by s.replaced_at desc)
    from (
        select endpoint.secret_key, 'infinity'::timestamptz as replaced_at
        where endpoint.secret_key <> ''
        union all
        select p.secret_key, p.replaced_at
        from webhooks.previous_secrets as p
        where p.webhook_config_id = endpoint.id and p.expires_at > now()
    ) as s
$$;
comment on function webhooks.live_secrets(public.webhook_configurations) is 'The secrets that sign an endpoint''s deliveries now, newest first; null without one.';
revoke all on function webhooks.live_secrets(public.webhook_configurations) from public, anon, authenticated;

create or replace function webhooks.endpoint_settings(endpoint public.webhook_configurations)
returns jsonb
language sql
stable
set search_path = ''
as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'id', endpoint.id,
        'url', endpoint.url,
        'secrets', webhooks.live_secrets(endpoint),
        'credentials_profile', nullif(endpoint.credentials_profile, ''),
        'timeout_seconds', endpoint.timeout_seconds,
        'headers', endpoint.headers,
        'circuit_failure_threshold', endpoint.circuit_failure_threshold))
$$;

create or replace function public.rotate_webhook_secret(
    webhook_config_id uuid,
    overlap interval default '24 hours'
)
returns jsonb
language plpgsql
-- definer: admins may not read secret_key, nor write endpoints
security definer
set search_path = ''
as $$
declare
    _endpoint public.webhook_configurations;
    _secret text := webhooks.generate_secret();
    _until timestamptz;
begin
    perform webhooks.check_admin();
    if overlap is null or overlap < interval '0' or overlap > interval '30 days' then
        raise exception 'the overlap must lie between 0 and 30 days' using errcode = '22023';
    end if;
    select c.* into _endpoint
    from public.webhook_configurations as c
    where c.id = rotate_webhook_secret.webhook_config_id
    for update;
    if not found then
        raise exception 'there is no webhook endpoint %', rotate_webhook_secret.webhook_config_id
            using errcode = 'PT404', hint = 'The endpoints are in the table public.webhook_configurations.';
    end if;

    delete from webhooks.previous_secrets as p
    where p.webhook_config_id = _endpoint.id and p.expires_at <= now();
    if _endpoint.secret_key <> '' and overlap > interval '0' then
        _until := now() + overlap;
        insert into webhooks.previous_secrets (webhook_config_id, secret_key, expires_at)
        values (_endpoint.id, _endpoint.secret_key, _until);
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
comment on function public.rotate_webhook_secret(uuid, interval) is 'Gives an endpoint a new secret and returns it, once. Until the overlap ends both sign; with an overlap of 0 the old ones end at once.';
revoke all on function public.rotate_webhook_secret(uuid, interval) from public, anon, authenticated;
grant execute on function public.rotate_webhook_secret(uuid, interval) to authenticated, service_role;
