create or replace function webhooks.retry_webhook_trigger_errors(ids uuid[] default null)
returns jsonb
language plpgsql
-- definer: behind public.retry_webhook_trigger_errors, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _error public.webhook_trigger_errors;
    _attached public.webhook_triggers;
    _resolved integer := 0;
    _failed jsonb := '[]';
    _claims text := current_setting('request.jwt.claims', true);
    _sub text := current_setting('request.jwt.claim.sub', true);
begin
    perform webhooks.log_action('retry_trigger_errors', null, null, jsonb_build_object('ids', ids));
    -- a second call at the same time waits, and finds them resolved
    for _error in
        select e.* from public.webhook_trigger_errors as e
        where e.resolved_at is null and (ids is null or e.id = any (ids))
        order by e.occurred_at, e.id
        limit 1000
        for update
    loop
        begin
            if _error.data is null or _error.event_type is null then
                raise exception 'its data was not kept' using errcode = '22023';
            end if;
            select t.* into _attached
            from public.webhook_triggers as t
            where t.source = to_regclass(_error.source) and t.event_type = _error.event_type and t.operation = _error.operation;
            if not found then
                raise exception 'no trigger emits "%" when % changes: attach it again', _error.event_type, _error.source
                    using errcode = '22023';
            end if;
            perform webhooks.emit_kept(_attached, _error.source, _error.data);
            update public.webhook_trigger_errors as e set resolved_at = clock_timestamp() where e.id = _error.id;
            _resolved := _resolved + 1;
        exception when others then
            _failed := _failed || jsonb_build_object('id', _error.id, 'message', sqlerrm);
        end;
        perform set_config('request.jwt.claims', coalesce(_claims, ''), true),
                set_config('request.jwt.claim.sub', coalesce(_sub, ''), true);
    end loop;
    return jsonb_build_object('resolved', _resolved, 'failed', _failed);
end $$;
comment on function webhooks.retry_webhook_trigger_errors(uuid[]) is 'Behind public.retry_webhook_trigger_errors.';
revoke all on function webhooks.retry_webhook_trigger_errors(uuid[]) from public, anon, authenticated, service_role;
grant execute on function webhooks.retry_webhook_trigger_errors(uuid[]) to authenticated, service_role;
