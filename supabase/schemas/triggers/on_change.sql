-- No variable here has the type of a table of ours: a missing one would fail when the function is compiled, before
-- the block that catches errors begins.
create or replace function webhooks.on_change()
returns trigger
language plpgsql
-- definer: the user who changes the table holds no privilege on ours, and may not see the tables that data comes from
security definer
set search_path = pg_catalog, pg_temp
-- while someone alters one of our tables, the events wait no longer than this, and then fail; not the users' changes
set lock_timeout = '2s'
as $$
declare
    _source text := format('%I.%I', tg_table_schema, tg_table_name);
    _rows text := case tg_op when 'DELETE' then 'old_rows' else 'new_rows' end;
    _trigger record;
    _event_type text;
    _data jsonb[];
    _actors uuid[];
    _tenants text[];
    _code text;
    _message text;
    _context text;
    -- ranges of the statement's rows that are still to do, the first last
    _starts integer[];
    _sizes integer[];
    _start integer;
    _size integer;
    _part text;
    _tries integer := 0;
    _kept jsonb;
    _errors jsonb[] := '{}';
    _error record;
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
        perform webhooks.emit_changes(_source, lower(tg_op), _event_type, _trigger.identity, _data, _actors, _tenants);
    end if;
    return null;
exception when others then
    get stacked diagnostics _code = returned_sqlstate, _message = message_text, _context = pg_exception_context;
    if _event_type is null then
        perform webhooks.record_trigger_error(
            _source, lower(tg_op), null, cardinality(_data), _code,
            case _code when 'P0002' then format('trigger %I has no row in public.webhook_triggers; attach it again', tg_name)
            else _message end, _context);
        return null;
    end if;
    begin
        -- One bad row must not lose the others' events: a failed part is halved until the bad rows are isolated.
        execute format('select count(*) from %s', _rows) into _size;
        _starts := array[0];
        _sizes := array[_size];
        while cardinality(_starts) > 0 loop
            _start := _starts[cardinality(_starts)];
            _size := _sizes[cardinality(_sizes)];
            _starts := trim_array(_starts, 1);
            _sizes := trim_array(_sizes, 1);
            -- the trigger's queries, over a part of the rows
            _part := format('with %1$s as (select * from %1$s offset %2$s limit %3$s) ', _rows, _start, _size);
            _tries := _tries + 1;
            -- the first part is all of them, and has failed already
            if _tries > 1 then
                begin
                    _data := null;
                    execute _part || _trigger.query into _data, _actors, _tenants;
                    if _data is not null then
                        perform webhooks.emit_changes(_source, lower(tg_op), _event_type, _trigger.identity, _data, _actors, _tenants);
                    end if;
                    continue;
                exception when others then
                    get stacked diagnostics _code = returned_sqlstate, _message = message_text, _context = pg_exception_context;
                end;
            end if;
            -- what a row can cause: its data, a constraint, a function's own error, a limit; a lock or a missing table
            -- would fail for each, and 1,000 parts are as many as one statement may cost
            if _size > 1 and _tries < 1000 and left(_code, 2) in ('21', '22', '23', '54', 'P0') then
                _starts := _starts || array[_start + _size / 2, _start];
                _sizes := _sizes || array[_size - _size / 2, _size / 2];
                continue;
            end if;
            _kept := null;
            begin
                if _data is not null then
                    _kept := webhooks.kept_events(_trigger.identity, _data, _actors, _tenants);
                else
                    execute _part || webhooks.changed_rows_sql(tg_relid, lower(tg_op), false) into _kept;
                end if;
            exception when others then
                begin
                    execute _part || webhooks.changed_rows_sql(tg_relid, lower(tg_op), true) into _kept;
                exception when others then
                    _kept := null;
                end;
            end;
            _errors := _errors || jsonb_build_object(
                'events', coalesce(cardinality(_data), _size), 'code', _code, 'message', _message, 'context', _context, 'data', _kept);
        end loop;
        for _error in
            select sum((e.error ->> 'events')::integer) filter (where coalesce(d.position, 1) = 1) as events, e.error ->> 'code' as code, e.error ->> 'message' as message,
                   min(e.error ->> 'context') as context, jsonb_agg(d.item order by e.position, d.position) as data
            from unnest(_errors) with ordinality as e (error, position)
            left join lateral jsonb_array_elements(
                case jsonb_typeof(e.error -> 'data') when 'array' then e.error -> 'data' end
            ) with ordinality as d (item, position) on true
            group by 2, 3
            order by min(e.position)
        loop
            perform webhooks.record_trigger_error(
                _source, lower(tg_op), _event_type, _error.events::integer, _error.code, _error.message, _error.context,
                nullif(_error.data, '[null]'));
        end loop;
    exception when others then
        perform webhooks.record_trigger_error(
            _source, lower(tg_op), _event_type, cardinality(_data), _code, _message, _context);
    end;
    return null;
end $$;
comment on function webhooks.on_change() is 'The trigger of webhook_attach: emits an event for each changed row of a statement. Never fails the statement.';
revoke all on function webhooks.on_change() from public, anon, authenticated, service_role;
