create or replace function public.webhook_reattach()
returns table (source text, event_type text, operation text, outcome text)
language plpgsql
-- invoker, and for the owner of the tables alone: it creates triggers
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _missing public.webhook_triggers[];
    _trigger public.webhook_triggers;
begin
    perform webhooks.check_server();
    _missing := array(select m from webhooks.missing_triggers() as m);
    perform webhooks.lock_tables(array(select distinct m.source from unnest(_missing) as m));
    foreach _trigger in array _missing loop
        source := _trigger.source;
        event_type := _trigger.event_type;
        operation := _trigger.operation;
        begin
            outcome := public.webhook_attach(
                _trigger.source, _trigger.event_type, _trigger.operation, _trigger.data, _trigger.actor, _trigger.condition,
                _trigger.tenant, _trigger.on_unchanged);
        exception when others then
            -- for example, a column was dropped in the meantime: the others are still attached
            outcome := 'left: ' || sqlerrm;
        end;
        return next;
    end loop;
end $$;
comment on function public.webhook_reattach() is 'Recreates the triggers that webhook_triggers lists and the tables lack: a restore loses those on auth.users. Returns what it attached, and what it left and why; may be called again.';
-- for the owner of the tables alone: migrations and the SQL editor
revoke all on function public.webhook_reattach() from public, anon, authenticated, service_role;
