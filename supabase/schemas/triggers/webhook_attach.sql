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
-- invoker, and for nobody but the owner of the tables: data, actor and condition are SQL
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _operation text := lower(webhook_attach.operation);
    _label text := format('webhook_attach(%s, %s)', webhook_attach.table_name, webhook_attach.event_type);
    -- what a plain column name means
    _alias text := case lower(webhook_attach.operation) when 'delete' then 'old' else 'new' end;
    -- auth.uid() fails for ids that are no uuids
    _data jsonb := replace(webhook_attach.data::text, 'auth.uid()', 'webhooks.user_id()')::jsonb;
    _given_actor text := replace(webhook_attach.actor, 'auth.uid()', 'webhooks.user_id()');
    _condition text := replace(webhook_attach.condition, 'auth.uid()', 'webhooks.user_id()');
    _tenant text;
    _changed text;
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
    if _condition is not null then
        _where := format('(%s)', _condition);
    end if;
    if _operation = 'update' and not webhook_attach.on_unchanged then
        -- the columns that data and condition read, of which one at least must have changed
        select string_agg(format('new.%1$I is distinct from old.%1$I', a.attname), ' or ' order by a.attnum) into _changed
        from pg_attribute as a
        where a.attrelid = webhook_attach.table_name and a.attnum > 0 and not a.attisdropped
          and (exists (select from jsonb_each_text(_data) as d
                       where d.value = a.attname or d.value ~ format('\mnew\."?%s\M', a.attname))
               or _condition ~ format('\m(new|old)\."?%s\M', a.attname));
        _where := concat_ws(' and ', _where, '(' || _changed || ')');
    end if;
    if _operation = 'delete' then
        _where := concat_ws(' and ', _where, webhooks.parents_exist(webhook_attach.table_name));
    end if;
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
    where v.attrelid = _view and v.attname not in ('@actor', '@tenant');
    select format('the actor is of type %s, not uuid', v.atttypid::regtype) into _problem
    from pg_catalog.pg_attribute as v
    where v.attrelid = _view and v.attname = '@actor' and v.atttypid <> 'uuid'::regtype;
    execute 'drop view pg_temp.webhook_attach_check';

    -- the catalog: an unknown type gets its schema from the columns, a known one must be satisfied
    select t.* into _type from public.webhook_event_types as t where t.name = webhook_attach.event_type;
    if not found then
        perform webhooks.webhook_define_event(
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
    _row.tenant := webhook_attach.tenant;
    _row.on_unchanged := webhook_attach.on_unchanged;
    _row.identity := webhooks.change_identity(webhook_attach.table_name, _data, webhook_attach.actor);
    _row.query := format(
        'select array_agg(jsonb_build_object(%s)), array_agg(v."@actor"), array_agg(v."@tenant")'
        ' from (select %s, %s as "@actor", (%s)::text as "@tenant" from %s where %s) as v',
        _json, _columns, _actor, _tenant, _from, _where);

    -- what stands already is left alone: a trigger is made under a lock that makes writers wait
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
comment on function public.webhook_attach(regclass, text, text, jsonb, text, text, text, boolean) is 'Turns each inserted, updated or deleted row of a table into an event. data: columns ["id"], or keys with their column or SQL over new and old {"order_id": "id"}; actor: the same for the user who did it; condition: SQL that the row must satisfy; tenant: the column or SQL that names the tenant; on_unchanged: emit for updates too that change none of the columns that data and condition read. An unknown event type is added to the catalog, its schema taken from the columns. Returns attached, or kept when it is so already.';
revoke all on function public.webhook_attach(regclass, text, text, jsonb, text, text, text, boolean) from public, anon, authenticated, service_role;
