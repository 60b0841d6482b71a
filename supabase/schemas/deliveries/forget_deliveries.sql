create or replace function webhooks.forget_deliveries()
returns trigger
language plpgsql
-- definer: callers that delete a delivery hold no privilege on its dependent rows
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'TRUNCATE' then
        truncate webhooks.delivery_queue, webhooks.failed_deliveries, public.webhook_attempts;
        return null;
    end if;
    delete from webhooks.delivery_queue as q using old_rows as o where q.delivery_id = o.id;
    delete from webhooks.failed_deliveries as f using old_rows as o where f.delivery_id = o.id;
    delete from public.webhook_attempts as a using old_rows as o where a.delivery_id = o.id;
    return null;
end $$;
comment on function webhooks.forget_deliveries() is 'Deletes the queue''s rows and the attempts of deleted deliveries.';
revoke all on function webhooks.forget_deliveries() from public, anon, authenticated, service_role;
