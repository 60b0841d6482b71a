create or replace function public.webhook_attach(
    table_name regclass,
    event_type text,
    operation text,
    data jsonb,
    actor text default null,
    condition text default null,
    tenant text default null,
    on_unchanged boolean default false
)
returns text
language plpgsql
-- invoker, and only for the owner of the tables: data, actor and condition are SQL
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _operation text := lower(webhook_attach.operation);
    _label text := format('webhook_attach(%s, %s)', webhook_attach.table_name, webhook_attach.event_type);
    -- what a plain column name means
    _alias text := case lower(webhook_attach.operation) when 'delete' then 'old' else 'new' end;
    -- auth.uid() fails for ids that are not uuids
    _data jsonb := replace(webhook_attach.data::text, 'auth.uid()', 'webhooks.user_id()')::jsonb;
    _given_actor text := replace(webhook_attach.actor, 'auth.uid()', 'webhooks.user_id()');
    _condition text := replace(webhook_attach.condition, 'auth.uid()', 'webhooks.user_id()');
    _tenant text;
    _columns text;
    _actor text;
    _key text;
    _check_from text;
    _from text;
    _where text;
    _read name[];
    _sample text;
    _select text;
    _query text;
    _view regclass;
    _json text;
    _properties jsonb;
    _schema jsonb;
    _type public.webhook_event_types;
    _problem text;
    _row public.webhook_triggers;
    _kept boolean;
begin
    perform webhooks.check_server();
    if _operation is null or _operation not in ('insert', 'update', 'delete') then
        raise exception '%: the operation must be insert, update or delete, not "%"', _label, webhook_attach.operation
            using errcode = '22023';
    end if;
    if webhooks.is_ours(webhook_attach.table_name) then
        raise exception '%: this is one of the webhook system''s own tables: each event would write to it and cause another event', _label
            using errcode = '22023';
    end if;
    if jsonb_typeof(_data) = 'array' then
        select jsonb_object_agg(name, name) into _data from jsonb_array_elements_text(_data) as name;
    end if;
    if jsonb_typeof(_data) is distinct from 'object' or _data = '{}'
        or exists (select from jsonb_each(_data) as d where jsonb_typeof(d.value) <> 'string') then
        raise exception '%: data must say which column or SQL each key comes from', _label
            using errcode = '22023', hint = 'Columns ["id", "total"], or keys {"order_id": "id", "cents": "new.total * 100"}.';
    end if;

    -- the changed rows, as the trigger's transition tables and as the table itself, to check the SQL against
    if _operation = 'update' then
        _key := webhooks.same_row_sql(webhook_attach.table_name, 'new', 'old');
        if _key is null then
            raise exception '%: the table has no primary key, which is needed to match a row with its old values', _label
                using errcode = '22023', hint = format('alter table %s add primary key (...)', webhook_attach.table_name);
        end if;
        _check_from := format('%1$s as new join %1$s as old on %2$s', webhook_attach.table_name, _key);
        _from := format('%s join %s on %s', webhooks.rows_sql(webhook_attach.table_name, 'new_rows', 'new'),
                        webhooks.rows_sql(webhook_attach.table_name, 'old_rows', 'old'), _key);
    else
        _check_from := format('%s as %s', webhook_attach.table_name, _alias);
        _from := webhooks.rows_sql(webhook_attach.table_name, _alias || '_rows', _alias);
    end if;
    _where := coalesce('(' || _condition || ')', 'true');
    _actor := coalesce(webhooks.column_or_sql(webhook_attach.table_name, _alias, _given_actor), 'null::uuid');
    _tenant := coalesce(webhooks.column_or_sql(webhook_attach.table_name, _alias, webhook_attach.tenant), 'null');
    select string_agg(format('%s as %I', webhooks.column_or_sql(webhook_attach.table_name, _alias, d.value), d.key), ', '
                      order by d.key)
    into _columns
    from jsonb_each_text(_data) as d;

    -- before anything else touches the table: a lock that is taken twice, the second time in a stronger mode, deadlocks
    perform webhooks.lock_tables(array[webhook_attach.table_name]);
    -- a view is the way to learn, without running it, that the SQL is right and of which types it is
    begin
        execute format('create temporary view webhook_attach_check as select %s, %s as "@actor", (%s)::text as "@tenant" from %s where %s',
                       _columns, _actor, _tenant, _check_from, _where);
    exception when others then
        raise exception '%: %', _label, sqlerrm
            using errcode = '22023', hint = 'data, actor and condition are columns of the table, or SQL over new and old.';
    end;
    _view := to_regclass('pg_temp.webhook_attach_check');
    select webhooks.json_object_sql(array_agg(
               format('%L, %s', v.attname, webhooks.json_value_sql(v.atttypid, format('v.%I', v.attname))) order by v.attnum)),
           jsonb_object_agg(v.attname, webhooks.schema_of(v.atttypid, not coalesce(own.attnotnull, false)
               -- not a number, or an infinite one, is null in JSON; one of a fixed scale is never infinite
               or webhooks.base_type(v.atttypid) in ('float4'::regtype, 'float8'::regtype)
               or (webhooks.base_type(v.atttypid) = 'numeric'::regtype and v.atttypmod = -1)))
    into _json, _properties
    from pg_catalog.pg_attribute as v
    left join pg_catalog.pg_attribute as own
        on own.attrelid = webhook_attach.table_name and own.attname = _data ->> v.attname and not own.attisdropped
    where v.attrelid = _view and v.attname not in ('@actor', '@tenant');
    -- the columns that the event reads, as Postgres knows them; a whole row, such as in to_jsonb(new), reads all
    select array_agg(a.attname order by a.attnum) into _read
    from pg_catalog.pg_attribute as a
    where a.attrelid = webhook_attach.table_name and a.attnum > 0 and not a.attisdropped
      and (pg_get_viewdef(_view) ~ '\m(new|old)(_\d+)?\.\*' or exists (
          select from pg_catalog.pg_depend as d
          join pg_catalog.pg_rewrite as r on r.oid = d.objid and r.ev_class = _view
          where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
            and d.refobjid = a.attrelid and d.refobjsubid = a.attnum));
    select format('the actor is of type %s, not uuid', v.atttypid::regtype) into _problem
    from pg_catalog.pg_attribute as v
    where v.attrelid = _view and v.attname = '@actor' and v.atttypid <> 'uuid'::regtype;
    execute 'drop view pg_temp.webhook_attach_check';

    -- the catalog: an unknown type gets its schema from the columns, a known one must be satisfied
    select t.* into _type from public.webhook_event_types as t where t.name = webhook_attach.event_type;
    if not found then
        _schema := jsonb_build_object(
            'type', 'object', 'properties', _properties,
            'required', (select jsonb_agg(d.key order by d.key) from jsonb_object_keys(_data) as d (key)));
        perform webhooks.webhook_define_event(
            webhook_attach.event_type,
            format('A row of %s was %s.', webhook_attach.table_name,
                   case _operation when 'insert' then 'inserted' when 'update' then 'updated' else 'deleted' end),
            _schema);
    else
        _problem := coalesce(_problem, case
            when _type.analytics_destination is not null then
                'it is an analytics event, not a webhook: send it to ' || _type.analytics_destination
        end, (
            select format('data has no key %s, which the event''s schema requires', string_agg(r.key, ', ' order by r.key))
            from jsonb_array_elements_text(_type.data_schema -> 'required') as r (key)
            where not _data ? r.key
            having count(*) > 0
        ), (
            select string_agg(format('data key %s is of type %s, and the event''s schema has %s', p.key,
                                     p.value -> 'type', _type.data_schema -> 'properties' -> p.key -> 'type'),
                              '; ' order by p.key) || '. To convert a value, give an expression, such as "(new.id)::text"'
            from jsonb_each(_properties) as p
            where p.value ? 'type' and _type.data_schema -> 'properties' -> p.key ? 'type'
              and not exists (
                  select from webhooks.json_types(p.value) as ours
                  join webhooks.json_types(_type.data_schema -> 'properties' -> p.key) as theirs
                      on ours = theirs or (ours in ('integer', 'number') and theirs in ('integer', 'number'))
                  where ours <> 'null')
        ));
    end if;
    if _problem is not null then
        raise exception '%: %', _label, _problem using errcode = '22023';
    end if;

    _row.source := webhook_attach.table_name;
    _row.event_type := webhook_attach.event_type;
    _row.operation := _operation;
    -- names are at most 63 bytes; the hash keeps two long event types apart
    _row.trigger_name := left(format('webhook_%s_%s', _operation, replace(webhook_attach.event_type, '.', '_')), 54)
        || '_' || left(md5(webhook_attach.event_type), 8);
    _row.data := _data;
    _row.actor := webhook_attach.actor;
    _row.condition := webhook_attach.condition;
    _row.tenant := webhook_attach.tenant;
    _row.on_unchanged := webhook_attach.on_unchanged;
    _row.identity := webhooks.change_identity(webhook_attach.table_name, _data, webhook_attach.actor);
    _select := format(
        'select array_agg(%s), array_agg(v."@actor"), array_agg(v."@tenant")'
        ' from (select %s, %s as "@actor", (%s)::text as "@tenant" from %s where ',
        _json, _columns, _actor, _tenant, _from);
    _row.query := _select || concat_ws(' and ', _where, case _operation
        when 'delete' then webhooks.parents_exist(webhook_attach.table_name)
        when 'update' then
            -- one of them at least: compared as they are stored, since not every type has an operator for it
            case when not webhook_attach.on_unchanged then (
                select format('row(%s)::record *<> row(%s)::record', string_agg(format('new.%I', r.name), ', '), string_agg(format('old.%I', r.name), ', '))
                from unnest(_read) as r (name)
                having count(*) > 0)
            end
    end) || ') as v';

    -- an existing trigger is left alone: creating one takes a lock that blocks writers
    select true into _kept
    from public.webhook_triggers as t
    join pg_catalog.pg_trigger as g on g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A')
    where t.source = _row.source and t.trigger_name = _row.trigger_name
      and t.enabled
      and (t.data, t.actor, t.condition, t.tenant, t.on_unchanged, t.identity, t.query)
          is not distinct from (_row.data, _row.actor, _row.condition, _row.tenant, _row.on_unchanged, _row.identity, _row.query);
    if _kept then
        return 'kept';
    end if;

    -- Does it work? The query runs on rows of the table, newest first; for an update, each row is also the old row.
    _query := _select || _where || ') as v';
    select format('select s.* from %s as s%s limit 1000', webhook_attach.table_name,
                  ' order by ' || string_agg(format('s.%I desc', a.attname), ', ' order by array_position(i.indkey::int2[], a.attnum)))
    into _sample
    from pg_catalog.pg_index as i
    join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = webhook_attach.table_name and i.indisprimary;
    _sample := coalesce(_sample, format('select s.* from %s as s limit 1000', webhook_attach.table_name));
    _problem := coalesce(
        webhooks.row_problem(_sample, _query, coalesce(_type.data_schema, _schema)),
        webhooks.row_problem(_sample, _row.query, coalesce(_type.data_schema, _schema)));
    if _problem is not null then
        raise exception '%: an existing row of the table could not be emitted: %', _label, _problem
            using errcode = '22023', hint = 'Add a condition that excludes such rows, or change data or the schema to fit them.';
    end if;
    for _problem in
        select p from webhooks.made_up_problems(
            webhook_attach.table_name, _read, case _operation when 'update' then _select || 'true) as v' else _query end,
            coalesce(_type.data_schema, _schema)) as p
        limit 10
    loop
        raise warning '%: a row could not be emitted with %', _label, _problem;
    end loop;

    insert into public.webhook_triggers as t (source, trigger_name, event_type, operation, data, actor, condition, identity, query,
                                              tenant, on_unchanged)
    values (_row.source, _row.trigger_name, _row.event_type, _row.operation, _row.data, _row.actor, _row.condition,
            _row.identity, _row.query, _row.tenant, _row.on_unchanged)
    on conflict (source, trigger_name) do update
    set data = excluded.data, actor = excluded.actor, condition = excluded.condition, identity = excluded.identity,
        query = excluded.query, tenant = excluded.tenant, on_unchanged = excluded.on_unchanged, enabled = true, attached_at = now();
    execute format(
        'create or replace trigger %I after %s on %s referencing %s for each statement execute function webhooks.on_change()',
        _row.trigger_name, _operation, _row.source, case _operation
            when 'insert' then 'new table as new_rows'
            when 'delete' then 'old table as old_rows'
            else 'new table as new_rows old table as old_rows'
        end);
    return 'attached';
end $$;
comment on function public.webhook_attach(regclass, text, text, jsonb, text, text, text, boolean) is 'Turns each inserted, updated or deleted row of a table into an event. data: columns ["id"], or keys with their column or SQL over new and old {"order_id": "id"}; actor: the same for the user who did it; condition: SQL that the row must satisfy; tenant: the column or SQL that names the tenant; on_unchanged: also emit for updates that change none of the columns that the event reads. An unknown event type is added to the catalog, its schema taken from the columns. Returns attached, or kept if nothing changed.';
revoke all on function public.webhook_attach(regclass, text, text, jsonb, text, text, text, boolean) from public, anon, authenticated, service_role;
