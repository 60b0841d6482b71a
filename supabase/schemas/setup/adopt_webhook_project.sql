create or replace function webhooks.adopt_webhook_project(project text, pending text, batch_size integer default 1000)
returns jsonb
language plpgsql
-- definer: behind public.adopt_webhook_project, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _ids uuid[];
begin
    if coalesce(trim(adopt_webhook_project.project), '') = '' then
        raise exception 'project must name the project that sends the deliveries' using errcode = '22023';
    end if;
    if adopt_webhook_project.pending is null or adopt_webhook_project.pending not in ('deliver', 'discard') then
        raise exception 'pending must be deliver or discard, not %', coalesce(adopt_webhook_project.pending, 'null')
            using errcode = '22023', hint = 'discard marks pending deliveries as failed, so that a copy sends none of the original''s.';
    end if;
    if adopt_webhook_project.pending = 'discard' then
        _ids := array(
            select q.delivery_id from webhooks.delivery_queue as q
            order by q.delivery_id
            limit least(greatest(coalesce(adopt_webhook_project.batch_size, 1000), 1), 10000)
            for update);
        update public.webhook_deliveries as d
        set status = 'failed', finished_at = now(), error_message = 'discarded: this database is a copy of another project''s'
        where d.id = any (_ids) and d.status in ('pending', 'processing');
        -- rows without a delivery
        delete from webhooks.delivery_queue as q where q.delivery_id = any (_ids);
        if exists (select from webhooks.delivery_queue) then
            return jsonb_build_object('project', null, 'discarded', cardinality(_ids), 'more', true);
        end if;
    end if;
    insert into webhooks.installation as i (project) values (adopt_webhook_project.project)
    on conflict (only_row) do update
    set project = excluded.project, held_for = null, held_since = null,
        -- that of the original
        gateway_url = case when i.project = excluded.project then i.gateway_url end,
        drain_seconds = case when i.project = excluded.project then i.drain_seconds end;
    perform webhooks.log_action('adopt_project', null, null, jsonb_build_object(
        'project', adopt_webhook_project.project, 'pending', adopt_webhook_project.pending));
    perform webhooks.wake_workers();
    return jsonb_build_object(
        'project', adopt_webhook_project.project, 'discarded', coalesce(cardinality(_ids), 0), 'more', false);
end $$;
comment on function webhooks.adopt_webhook_project(text, text, integer) is 'Behind public.adopt_webhook_project.';
revoke all on function webhooks.adopt_webhook_project(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.adopt_webhook_project(text, text, integer) to service_role;
