-- No variable here has the type of a table of ours: a missing one would fail when the function is compiled, before
-- the block that catches errors begins.
create or replace function webhooks.on_change()
returns trigger
language plpgsql
-- definer: the user who changes the table holds no privilege on ours, and may not see the tables that data comes from
security definer
set search_path = pg_catalog, pg_temp
-- whoever alters one of our tables makes the events wait no longer than this, and then fail; not the users
set lock_timeout = '2s'
as $$
declare
    _trigger record;
    _event_type text;
    _data jsonb[];
    _actors uuid[];
    _tenants text[];
    _message text;
    _context text;
begin
    select t.* into strict _trigger
    from public.webhook_triggers as t
    where t.source = tg_relid and t.trigger_name = tg_name;
    _event_type := _trigger.event_type;
    if not _trigger.enabled then
        return null;
    end if;
    execute _trigger.query into _data, _actors, _tenants;
    if _data is not null then
        perform webhooks.emit_changes(
            format('%I.%I', tg_table_schema, tg_table_name), lower(tg_op), _event_type, _trigger.identity, _data, _actors,
            _tenants);
    end if;
    return null;
exception when others then
    get stacked diagnostics _message = message_text, _context = pg_exception_context;
    perform webhooks.record_trigger_error(
        format('%I.%I', tg_table_schema, tg_table_name), lower(tg_op), _event_type, cardinality(_data), sqlstate,
        case sqlstate when 'P0002' then format('trigger %I has no row in public.webhook_triggers; attach it again', tg_name)
        else _message end, _context);
    return null;
end $$;
comment on function webhooks.on_change() is 'The trigger of webhook_attach: emits an event for each changed row of a statement. Never fails the statement.';
revoke all on function webhooks.on_change() from public, anon, authenticated, service_role;
