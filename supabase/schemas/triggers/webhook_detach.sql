create or replace function public.webhook_detach(
    table_name regclass,
    event_type text,
    operation text,
    keep_trigger boolean default false
)
returns boolean
language plpgsql
-- invoker, and for the owner of the tables alone: it drops a trigger
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger_name name;
begin
    perform webhooks.check_server();
    perform webhooks.forget_dropped_tables();
    if webhook_detach.keep_trigger then
        update public.webhook_triggers as t
        set enabled = false
        where t.source = webhook_detach.table_name
          and t.event_type = webhook_detach.event_type
          and t.operation = lower(webhook_detach.operation)
          and t.enabled;
        return found;
    end if;
    delete from public.webhook_triggers as t
    where t.source = webhook_detach.table_name
      and t.event_type = webhook_detach.event_type
      and t.operation = lower(webhook_detach.operation)
    returning t.trigger_name into _trigger_name;
    if _trigger_name is null then
        return false;
    end if;
    begin
        execute format('drop trigger if exists %I on %s', _trigger_name, webhook_detach.table_name);
    exception when insufficient_privilege then
        raise exception 'webhook_detach(%, %): % does not own the table, and only its owner can drop the trigger %',
            webhook_detach.table_name, webhook_detach.event_type, current_user, _trigger_name
            using errcode = '42501', hint = format(
                'Run as the owner: drop trigger %I on %s. Or turn the event off and leave the trigger: '
                'select public.webhook_detach(%L, %L, %L, keep_trigger => true)',
                _trigger_name, webhook_detach.table_name, webhook_detach.table_name, webhook_detach.event_type,
                lower(webhook_detach.operation));
    end;
    return true;
end $$;
comment on function public.webhook_detach(regclass, text, text, boolean) is 'The opposite of webhook_attach: the table''s changes are no longer events. Returns false if they were not. keep_trigger: only turns the event off, for a caller who does not own the table.';
-- for the owner of the tables alone: migrations and the SQL editor
revoke all on function public.webhook_detach(regclass, text, text, boolean) from public, anon, authenticated, service_role;
