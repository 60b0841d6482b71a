create or replace function webhooks.without_expired(ids uuid[], endpoints uuid[])
returns uuid[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _expired uuid[];
begin
    -- few endpoints have such a limit
    if not exists (
        select from public.webhook_configurations as c where c.id = any (endpoints) and c.expires_after is not null
    ) then
        return ids;
    end if;
    _expired := array(
        select q.delivery_id
        from webhooks.delivery_queue as q
        join public.webhook_configurations as c on c.id = q.webhook_config_id
        where q.delivery_id = any (ids) and q.created_at + c.expires_after <= now());
    perform webhooks.expire_deliveries(_expired);
    return array(
        select i.id from unnest(ids) with ordinality as i (id, place) where i.id <> all (_expired) order by i.place);
end $$;
comment on function webhooks.without_expired(uuid[], uuid[]) is 'The given deliveries without those that are older than their endpoint''s expires_after, which fail.';
revoke all on function webhooks.without_expired(uuid[], uuid[]) from public, anon, authenticated, service_role;
