-- Any table's changes as typed events, by one call and without PL/pgSQL: webhook_attach, and its opposite.

create or replace function webhooks.schema_of(column_type oid, nullable boolean)
returns jsonb
language sql
stable
set search_path = ''
as $$
    select case
        when shape.json = '{}' or not schema_of.nullable then shape.json
        else shape.json || jsonb_build_object('type', jsonb_build_array(shape.json -> 'type', 'null'))
    end
    from (
        select case
            when t.typtype = 'd' then webhooks.schema_of(t.typbasetype, false)
            when t.typelem <> 0 and t.typcategory = 'A' then
                jsonb_build_object('type', 'array', 'items', webhooks.schema_of(t.typelem, true))
            when t.typname in ('json', 'jsonb') then '{}'
            when t.typtype = 'c' then '{"type": "object"}'
            when t.typname = 'bool' then '{"type": "boolean"}'
            when t.typname in ('int2', 'int4', 'int8') then '{"type": "integer"}'
            when t.typname in ('numeric', 'float4', 'float8') then '{"type": "number"}'
            when t.typname = 'uuid' then '{"type": "string", "format": "uuid"}'
            when t.typname = 'timestamptz' then '{"type": "string", "format": "date-time"}'
            when t.typname = 'date' then '{"type": "string", "format": "date"}'
            -- an enum's values are left out: it may get more of them
            else '{"type": "string"}'
        end::jsonb as json
        from pg_catalog.pg_type as t
        where t.oid = schema_of.column_type
    ) as shape
$$;
comment on function webhooks.schema_of(oid, boolean) is 'The JSON Schema of what a Postgres type becomes as JSON.';
revoke all on function webhooks.schema_of(oid, boolean) from public, anon, authenticated;

create or replace function webhooks.json_types(schema jsonb)
returns setof text
language sql
immutable
set search_path = ''
as $$
    select jsonb_array_elements_text(
        case jsonb_typeof(schema -> 'type') when 'array' then schema -> 'type' else jsonb_build_array(schema -> 'type') end)
$$;
comment on function webhooks.json_types(jsonb) is 'The types that a JSON Schema allows.';
revoke all on function webhooks.json_types(jsonb) from public, anon, authenticated;

create or replace function webhooks.column_or_sql(source regclass, alias text, value text)
returns text
language sql
stable
set search_path = ''
as $$
    select coalesce((
        select format('%I.%I', column_or_sql.alias, a.attname)
        from pg_catalog.pg_attribute as a
        where a.attrelid = column_or_sql.source and a.attname = column_or_sql.value and a.attnum > 0 and not a.attisdropped
    ), '(' || column_or_sql.value || ')')
$$;
comment on function webhooks.column_or_sql(regclass, text, text) is 'The SQL for a value given to webhook_attach: a column of the table, else SQL over new and old.';
revoke all on function webhooks.column_or_sql(regclass, text, text) from public, anon, authenticated;

create or replace function webhooks.change_identity(source regclass, data jsonb, actor text)
returns text[]
language sql
stable
set search_path = ''
as $$
    -- the first unique index, the primary key before all, whose columns the event tells
    select coalesce((
        select index.parts
        from (
            select i.indisprimary, i.indexrelid, (
                select array_agg(coalesce(
                    (select min(d.key) from jsonb_each_text(change_identity.data) as d where d.value = a.attname),
                    case change_identity.actor when a.attname then '@actor' end) order by k.position)
                from unnest(i.indkey[0 : i.indnkeyatts - 1]) with ordinality as k (attnum, position)
                join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
            ) as parts
            from pg_catalog.pg_index as i
            where i.indrelid = change_identity.source and i.indisunique and i.indisvalid
              and i.indpred is null and i.indexprs is null
        ) as index
        where array_position(index.parts, null) is null
        order by index.indisprimary desc, index.indexrelid
        limit 1
    ), (
        select array_append(array_agg(d.key order by d.key), '@actor') from jsonb_object_keys(change_identity.data) as d (key)
    ))
$$;
comment on function webhooks.change_identity(regclass, jsonb, text) is 'The keys of an event''s data that tell one change from another: those of a unique index, else all and the actor.';
revoke all on function webhooks.change_identity(regclass, jsonb, text) from public, anon, authenticated;

create or replace function webhooks.parents_exist(source regclass)
returns text
language sql
stable
set search_path = ''
as $$
    select string_agg(format('(%sexists (select from %s as parent where %s))', (
        select string_agg(format('old.%I is null or ', ours.attname), '' order by ours.attnum)
        from pg_catalog.pg_attribute as ours
        where ours.attrelid = c.conrelid and ours.attnum = any (c.conkey) and not ours.attnotnull
    ), c.confrelid::regclass, (
        select string_agg(format('parent.%I = old.%I', theirs.attname, ours.attname), ' and ' order by k.position)
        from unnest(c.conkey, c.confkey) with ordinality as k (ours, theirs, position)
        join pg_catalog.pg_attribute as ours on ours.attrelid = c.conrelid and ours.attnum = k.ours
        join pg_catalog.pg_attribute as theirs on theirs.attrelid = c.confrelid and theirs.attnum = k.theirs
    )),
        ' and ' order by c.oid)
    from pg_catalog.pg_constraint as c
    where c.conrelid = parents_exist.source and c.contype = 'f' and c.confdeltype = 'c' and c.conparentid = 0
$$;
comment on function webhooks.parents_exist(regclass) is 'The SQL that is true for a row somebody deleted, and false for one that went with its parent (on delete cascade).';
revoke all on function webhooks.parents_exist(regclass) from public, anon, authenticated;

create or replace function public.webhook_detach(table_name regclass, event_type text, operation text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
    _trigger_name name;
begin
    delete from public.webhook_triggers as t
    where t.source = webhook_detach.table_name
      and t.event_type = webhook_detach.event_type
      and t.operation = lower(webhook_detach.operation)
    returning t.trigger_name into _trigger_name;
    if _trigger_name is null then
        return false;
    end if;
    execute format('drop trigger if exists %I on %s', _trigger_name, webhook_detach.table_name);
    return true;
end $$;
comment on function public.webhook_detach(regclass, text, text) is 'The opposite of webhook_attach: the table''s changes are no events any more. False when they were none.';
-- for the owner of the tables alone: migrations and the SQL editor
revoke all on function public.webhook_detach(regclass, text, text) from public, anon, authenticated, service_role;

create or replace function public.webhook_attach(
    table_name regclass,
    event_type text,
    operation text,
    data jsonb,
    actor text default null,
    condition text default null
)
returns text
language plpgsql
-- invoker, and for nobody but the owner of the tables: data, actor and condition are SQL
security invoker
set search_path = ''
as $$
declare
    _operation text := lower(webhook_attach.operation);
    _label text := format('webhook_attach(%s, %s)', webhook_attach.table_name, webhook_attach.event_type);
    -- what a plain column name means
    _alias text := case lower(webhook_attach.operation) when 'delete' then 'old' else 'new' end;
    _data jsonb := webhook_attach.data;
    _columns text;
    _actor text;
    _key_columns text;
    _check_from text;
    _from text;
    _where text := 'true';
    _view regclass;
    _json text;
    _properties jsonb;
    _type public.webhook_event_types;
    _problem text;
    _row public.webhook_triggers;
    _kept boolean;
begin
    if _operation is null or _operation not in ('insert', 'update', 'delete') then
        raise exception '%: the operation "%" is none of insert, update, delete', _label, webhook_attach.operation
            using errcode = '22023';
    end if;
    if webhook_attach.table_name in ('public.webhook_deliveries'::regclass, 'public.webhook_trigger_errors'::regclass)
        or exists (select from pg_catalog.pg_class as c
                   where c.oid = webhook_attach.table_name and c.relnamespace = 'webhooks'::regnamespace) then
        raise exception '%: an event writes to this table, and would make the next one without end', _label
            using errcode = '22023';
    end if;
    if jsonb_typeof(_data) = 'array' then
        select jsonb_object_agg(name, name) into _data from jsonb_array_elements_text(_data) as name;
    end if;
    if jsonb_typeof(_data) is distinct from 'object' or _data = '{}'
        or exists (select from jsonb_each(_data) as d where jsonb_typeof(d.value) <> 'string') then
        raise exception '%: data must say where each key comes from', _label
            using errcode = '22023', hint = 'Columns ["id", "total"], or keys {"order_id": "id", "cents": "new.total * 100"}.';
    end if;

    -- the changed rows, as the trigger's transition tables and as the table itself, to check the SQL against
    if _operation = 'update' then
        select string_agg(format('new.%1$I = old.%1$I', a.attname), ' and ' order by a.attnum) into _key_columns
        from pg_catalog.pg_index as i
        join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
        where i.indrelid = webhook_attach.table_name and i.indisprimary;
        if _key_columns is null then
            raise exception '%: the table has no primary key, by which a row before an update is told from the others', _label
                using errcode = '22023', hint = format('alter table %s add primary key (...)', webhook_attach.table_name);
        end if;
        _check_from := format('%1$s as new join %1$s as old on %2$s', webhook_attach.table_name, _key_columns);
        _from := format('new_rows as new join old_rows as old on %s', _key_columns);
    else
        _check_from := format('%s as %s', webhook_attach.table_name, _alias);
        _from := format('%s_rows as %s', _alias, _alias);
    end if;
    if webhook_attach.condition is not null then
        _where := format('(%s)', webhook_attach.condition);
    end if;
    if _operation = 'delete' then
        _where := concat_ws(' and ', _where, webhooks.parents_exist(webhook_attach.table_name));
    end if;
    _actor := coalesce(webhooks.column_or_sql(webhook_attach.table_name, _alias, webhook_attach.actor), 'null::uuid');
    select string_agg(format('%s as %I', webhooks.column_or_sql(webhook_attach.table_name, _alias, d.value), d.key), ', '
                      order by d.key)
    into _columns
    from jsonb_each_text(_data) as d;

    -- a view is the way to learn, without running it, that the SQL is right and of which types it is
    begin
        execute format('create temporary view webhook_attach_check as select %s, %s as "@actor" from %s where %s',
                       _columns, _actor, _check_from, _where);
    exception when others then
        raise exception '%: %', _label, sqlerrm
            using errcode = '22023', hint = 'data, actor and condition are columns of the table, or SQL over new and old.';
    end;
    _view := 'pg_temp.webhook_attach_check'::regclass;
    select string_agg(format('%L, %s', v.attname, case v.atttypid
               -- in UTC whatever the session's time zone; an infinite one has no form of its own
               when 'timestamptz'::regtype then format(
                   $sql$coalesce(to_char(v.%1$I at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), v.%1$I::text)$sql$,
                   v.attname)
               else format('v.%I', v.attname)
           end), ', ' order by v.attnum),
           jsonb_object_agg(v.attname, webhooks.schema_of(v.atttypid, not coalesce(own.attnotnull, false)))
    into _json, _properties
    from pg_catalog.pg_attribute as v
    left join pg_catalog.pg_attribute as own
        on own.attrelid = webhook_attach.table_name and own.attname = _data ->> v.attname and not own.attisdropped
    where v.attrelid = _view and v.attname <> '@actor';
    select format('the actor is of type %s, not uuid', v.atttypid::regtype) into _problem
    from pg_catalog.pg_attribute as v
    where v.attrelid = _view and v.attname = '@actor' and v.atttypid <> 'uuid'::regtype;
    execute 'drop view pg_temp.webhook_attach_check';

    -- the catalog: an unknown type gets its schema from the columns, a known one must be satisfied
    select t.* into _type from public.webhook_event_types as t where t.name = webhook_attach.event_type;
    if not found then
        perform public.webhook_define_event(
            webhook_attach.event_type,
            format('A row of %s was %s.', webhook_attach.table_name,
                   case _operation when 'insert' then 'inserted' when 'update' then 'updated' else 'deleted' end),
            jsonb_build_object(
                'type', 'object', 'properties', _properties,
                'required', (select jsonb_agg(d.key order by d.key) from jsonb_object_keys(_data) as d (key))));
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
                              '; ' order by p.key)
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
    _row.identity := webhooks.change_identity(webhook_attach.table_name, _data, webhook_attach.actor);
    _row.query := format(
        'select array_agg(jsonb_build_object(%s)), array_agg(v."@actor") from (select %s, %s as "@actor" from %s where %s) as v',
        _json, _columns, _actor, _from, _where);

    -- what stands already is left alone: a trigger is made under a lock that makes writers wait
    select true into _kept
    from public.webhook_triggers as t
    join pg_catalog.pg_trigger as g on g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A')
    where t.source = _row.source and t.trigger_name = _row.trigger_name
      and (t.data, t.actor, t.condition, t.identity, t.query)
          is not distinct from (_row.data, _row.actor, _row.condition, _row.identity, _row.query);
    if _kept then
        return 'kept';
    end if;
    insert into public.webhook_triggers as t (source, trigger_name, event_type, operation, data, actor, condition, identity, query)
    values (_row.source, _row.trigger_name, _row.event_type, _row.operation, _row.data, _row.actor, _row.condition,
            _row.identity, _row.query)
    on conflict (source, trigger_name) do update
    set data = excluded.data, actor = excluded.actor, condition = excluded.condition, identity = excluded.identity,
        query = excluded.query, attached_at = now();
    execute format(
        'create or replace trigger %I after %s on %s referencing %s for each statement execute function webhooks.on_change()',
        _row.trigger_name, _operation, _row.source, case _operation
            when 'insert' then 'new table as new_rows'
            when 'delete' then 'old table as old_rows'
            else 'new table as new_rows old table as old_rows'
        end);
    return 'attached';
end $$;
comment on function public.webhook_attach(regclass, text, text, jsonb, text, text) is 'Makes each inserted, updated or deleted row of a table an event. data: columns ["id"], or keys with their column or SQL over new and old {"order_id": "id"}; actor: the same for the user who did it; condition: SQL that the row must satisfy. An unknown event type is added to the catalog, its schema taken from the columns. Returns attached, or kept when it is so already.';
revoke all on function public.webhook_attach(regclass, text, text, jsonb, text, text)
    from public, anon, authenticated, service_role;
