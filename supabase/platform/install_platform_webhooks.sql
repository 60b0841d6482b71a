create or replace function public.install_platform_webhooks()
returns table (event_type text, source text, operation text, outcome text)
language plpgsql
-- invoker, and only for the owner of the tables: it creates triggers
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger record;
begin
    perform webhooks.check_server();
    perform webhooks.lock_tables(array(
        select distinct to_regclass(t.source) from webhooks.platform_triggers() as t where to_regclass(t.source) is not null));
    for _trigger in select * from webhooks.platform_triggers() loop
        event_type := _trigger.event_type;
        source := _trigger.source;
        operation := _trigger.operation;
        if to_regclass(_trigger.source) is null then
            outcome := 'left: the table does not exist';
        else
            begin
                outcome := public.webhook_attach(
                    _trigger.source::regclass, _trigger.event_type, _trigger.operation, _trigger.data, _trigger.actor,
                    _trigger.condition);
            exception when others then
                outcome := 'left: ' || sqlerrm;
            end;
        end if;
        return next;
    end loop;
end $$;
comment on function public.install_platform_webhooks() is 'Attaches the platform''s nine events to its tables. Returns what it attached, kept and left, and why; may be called again.';
revoke all on function public.install_platform_webhooks() from public, anon, authenticated, service_role;
