create or replace function public.uninstall_platform_webhooks()
returns table (event_type text, source text, operation text, outcome text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger record;
begin
    perform webhooks.check_server();
    perform webhooks.forget_dropped_tables();
    for _trigger in select * from webhooks.platform_triggers() loop
        event_type := _trigger.event_type;
        source := _trigger.source;
        operation := _trigger.operation;
        if to_regclass(_trigger.source) is null then
            outcome := 'left: the table does not exist';
        else
            begin
                outcome := case
                    when public.webhook_detach(_trigger.source::regclass, _trigger.event_type, _trigger.operation)
                        then 'detached'
                    else 'left: it was not attached'
                end;
            exception when insufficient_privilege then
                -- hosted Supabase lets postgres drop triggers of auth.users; other servers only the table's owner
                outcome := 'left: ' || sqlerrm;
            end;
        end if;
        return next;
    end loop;
end $$;
comment on function public.uninstall_platform_webhooks() is 'The opposite of install_platform_webhooks: the platform''s tables no longer emit events. Its frontends'' dispatch_webhook still works.';
revoke all on function public.uninstall_platform_webhooks() from public, anon, authenticated, service_role;
