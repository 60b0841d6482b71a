create or replace function webhooks.emit_kept(attached public.webhook_triggers, source text, kept jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _item jsonb;
    _where text;
    _data jsonb[];
    _actors uuid[];
    _tenants text[];
    _problem text;
begin
    for _item in select k.item from jsonb_array_elements(emit_kept.kept) with ordinality as k (item, position) order by k.position loop
        if _item ? 'data' then
            _data := array[_item -> 'data'];
            _actors := array[(_item ->> 'actor')::uuid];
            _tenants := array[_item ->> 'tenant'];
        elsif _item ?| array['new', 'old'] then
            -- for webhooks.user_id(): who did it then, not who retries now
            perform set_config('request.jwt.claim.sub', coalesce(_item ->> 'user', ''), true),
                    set_config('request.jwt.claims', jsonb_strip_nulls(jsonb_build_object('sub', _item -> 'user'))::text, true);
            execute format('with new_rows as (select r.* from jsonb_populate_record(null::%1$s, $1 -> ''new'') as r),'
                           ' old_rows as (select r.* from jsonb_populate_record(null::%1$s, $1 -> ''old'') as r) %2$s',
                           attached.source, attached.query)
            into _data, _actors, _tenants using _item;
        else
            -- by its key, as the table has it now
            select string_agg(format('s.%I::text = %L', a.attname, k.value), ' and ') into _where
            from jsonb_each_text(coalesce(_item -> 'key', _item -> 'row')) as k
            join pg_attribute as a
                on a.attrelid = attached.source and not a.attisdropped
                and a.attname = case when _item ? 'key' then attached.data ->> k.key else k.key end;
            if _where is null or attached.operation = 'delete' then
                raise exception 'neither the event nor a key of its row was kept' using errcode = '22023';
            end if;
            execute format('with new_rows as (select s.* from %1$s as s where %2$s), old_rows as (select * from new_rows) %3$s',
                           attached.source, _where, attached.query)
            into _data, _actors, _tenants;
            if _data is null then
                raise exception 'the row no longer exists, or does not meet the condition' using errcode = '22023';
            end if;
        end if;
        select coalesce(webhooks.payload_problem(d.data), webhooks.schema_problem(t.data_schema, d.data)) into _problem
        from unnest(_data) as d (data)
        join public.webhook_event_types as t on t.name = attached.event_type
        where webhooks.payload_problem(d.data) is not null or webhooks.schema_problem(t.data_schema, d.data) is not null
        limit 1;
        if exists (select from unnest(_tenants) as t (id) where length(t.id) not between 1 and 255) then
            _problem := 'its tenant_id must have 1 to 255 characters';
        end if;
        if _problem is not null then
            raise exception '%', _problem using errcode = '22023';
        end if;
        if _data is not null then
            perform webhooks.emit_changes(
                emit_kept.source, attached.operation, attached.event_type, attached.identity, _data, _actors, _tenants);
        end if;
    end loop;
end $$;
comment on function webhooks.emit_kept(public.webhook_triggers, text, jsonb) is 'Emits the events that webhook_trigger_errors kept, in order, or raises why one cannot be emitted.';
revoke all on function webhooks.emit_kept(public.webhook_triggers, text, jsonb) from public, anon, authenticated, service_role;
