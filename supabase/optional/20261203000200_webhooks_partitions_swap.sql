-- webhooks migration: partitions_swap f91da7d8655bec65b5ae4934b131e2c6dae60ff0605fd0d912e891bec4b7ee42
-- Produced from supabase/schemas by `make migrations`. Change the files there, not this one.

select set_config('check_function_bodies', 'off', true);

-- partitions/3_swap.sql
-- The partitioned tables replace the ordinary ones, which become their first partitions.
do $swap$
declare
    _before text := current_setting('lock_timeout');
    _others text;
    _locked boolean := false;
    _table text;
    _key text;
    _cut timestamptz;
    _old regclass;
    _one record;
begin
    if (select c.relkind from pg_class as c where c.oid = 'public.webhook_deliveries'::regclass) = 'p' then
        return;
    end if;
    select string_agg(o.what, '; ' order by o.what) into _others
    from (
        select 'view ' || v.oid::regclass::text as what
        from pg_depend as d
        join pg_rewrite as r on r.oid = d.objid
        join pg_class as v on v.oid = r.ev_class
        where d.classid = 'pg_rewrite'::regclass
          and d.refobjid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
          and v.oid <> 'public.webhook_delivery_overview'::regclass
        union
        select 'foreign key ' || k.conname || ' of ' || k.conrelid::regclass::text
        from pg_constraint as k
        where k.contype = 'f' and k.confrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
        union
        select 'trigger ' || t.tgname
        from pg_trigger as t
        where t.tgrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass) and not t.tgisinternal
          and t.tgname not in ('complete_webhook_delivery', 'note_webhook_traceparent', 'queue_webhook_deliveries',
                               'follow_webhook_delivery', 'forget_webhook_deliveries', 'truncate_webhook_deliveries')
        union
        -- a partitioned table cannot have one without its time
        select 'unique index ' || i.indexrelid::regclass::text
        from pg_index as i
        where i.indrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
          and i.indisunique and not i.indisprimary
        union
        select 'publication ' || p.pubname
        from pg_publication_rel as m
        join pg_publication as p on p.oid = m.prpubid
        where m.prrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
    ) as o;
    if _others is not null then
        raise exception 'webhook_deliveries or webhook_attempts is used by objects that this migration does not know: %', _others
            using hint = 'Drop it, apply this migration, and create it again.';
    end if;
    perform set_config('timezone', 'UTC', true);

    -- All contended locks, together or not at all: the endpoints too, which the deliveries' foreign key leads to, and
    -- on hosted Supabase auth.* and storage.*, which are locked whenever a policy or a trigger is dropped.
    for n in 1..200 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            lock table public.webhook_configurations, public.webhook_deliveries, public.webhook_attempts in access exclusive mode;
            for _one in
                select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass) as statement
                from pg_trigger as t
                where t.tgrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
                  and not t.tgisinternal
            loop
                execute _one.statement;
            end loop;
            perform set_config('lock_timeout', _before, true);
            _locked := true;
            exit;
        exception
            when lock_not_available then
                perform pg_sleep(0.1);
        end;
    end loop;
    if not _locked then
        raise exception 'the tables were in use for a minute' using hint = 'End long transactions and push again.';
    end if;

    -- reads through the old tables; it comes back with the new ones
    drop view public.webhook_delivery_overview;
    for _table, _key in values ('webhook_deliveries', 'created_at'), ('webhook_attempts', 'started_at') loop
        select (regexp_match(pg_get_constraintdef(k.oid), '< ''([^'']+)'''))[1]::timestamptz into strict _cut
        from pg_constraint as k
        where k.conrelid = format('public.%I', _table)::regclass and k.conname = _table || '_past' and k.convalidated;
        execute format('alter table public.%I set schema webhooks', _table);
        execute format('alter table webhooks.%I rename to %I', _table, _table || '_past');
        _old := format('webhooks.%I', _table || '_past')::regclass;
        execute format('create table public.%I (like %s including defaults including generated including storage'
            ' including compression including comments) partition by range (%I)', _table, _old, _key);
        execute format('comment on table public.%I is %L', _table, obj_description(_old, 'pg_class'));
        execute format('alter table public.%I enable row level security', _table);
        execute format('revoke all on public.%I from public, anon, authenticated, service_role', _table);
        for _one in
            select k.conname, pg_get_constraintdef(k.oid) as definition
            from pg_constraint as k
            where k.conrelid = _old and k.contype = 'c' and k.conname <> _table || '_past'
        loop
            -- not valid if the old rows' constraint is not: a valid one could not be shared with them
            execute format('alter table public.%I add constraint %I %s', _table, _one.conname, _one.definition);
        end loop;
        for _one in
            select replace(pg_get_indexdef(i.indexrelid), format(' ON %s ', _old), format(' ON public.%I ', _table)) as definition
            from pg_index as i
            where i.indrelid = _old and not i.indisunique
        loop
            execute _one.definition;
        end loop;
        for _one in
            select y.* from pg_policies as y where y.schemaname = 'webhooks' and y.tablename = _table || '_past'
        loop
            execute format('create policy %I on public.%I as %s for %s to %s', _one.policyname, _table, _one.permissive, _one.cmd,
                    (select string_agg(case r.name when 'public' then 'public' else quote_ident(r.name) end, ', ') from unnest(_one.roles) as r (name)))
                || coalesce(' using (' || _one.qual || ')', '') || coalesce(' with check (' || _one.with_check || ')', '');
            execute format('drop policy %I on %s', _one.policyname, _old);
        end loop;
        for _one in
            select p.privilege_type, p.is_grantable,
                   case p.grantee when 0 then 'public' else p.grantee::regrole::text end as grantee
            from pg_class as c
            cross join lateral aclexplode(c.relacl) as p
            where c.oid = _old and p.grantee <> c.relowner
        loop
            execute format('grant %s on public.%I to %s%s', _one.privilege_type, _table, _one.grantee,
                case when _one.is_grantable then ' with grant option' else '' end);
        end loop;
        execute format('revoke all on %s from public, anon, authenticated, service_role', _old);
        if _table = 'webhook_deliveries' then
            alter table public.webhook_deliveries add constraint webhook_deliveries_webhook_config_id_fkey
                foreign key (webhook_config_id) references public.webhook_configurations (id) on delete cascade;
        end if;
        execute format('alter table public.%I attach partition %s for values from (minvalue) to (%L)', _table, _old, _cut);
        execute format('alter table %s drop constraint %I', _old, _table || '_past');
        execute format('comment on table %s is %L', _old, format('Partition of public.%s from the beginning to %s.', _table, _cut));
        perform webhooks.make_partition(_table, _table || '_later', _cut, null);
    end loop;
end $swap$;


create or replace trigger complete_webhook_delivery
    before insert on public.webhook_deliveries
    for each row when (current_setting('webhooks.emitting', true) is distinct from 'on')
    execute function webhooks.complete_delivery();

create or replace trigger note_webhook_traceparent
    before insert on public.webhook_deliveries
    -- the condition costs less than a call: most deliveries are created outside of any trace
    for each row when (new.traceparent is null and current_setting('request.headers', true) ilike '%traceparent%')
    execute function webhooks.note_traceparent();

create or replace trigger queue_webhook_deliveries
    after insert on public.webhook_deliveries referencing new table as new_rows
    for each statement execute function webhooks.queue_deliveries();

create or replace trigger follow_webhook_delivery
    before update of status, next_attempt_at, created_at on public.webhook_deliveries
    -- for changes by a person or another program; recording results updates the queue itself
    for each row when (
        current_setting('webhooks.recording', true) is distinct from 'on' and (
            (new.status <> old.status and (new.status in ('delivered', 'failed') or old.status in ('delivered', 'failed')))
            or (new.status = 'pending' and old.status = 'pending' and new.next_attempt_at <> old.next_attempt_at)
            or new.created_at <> old.created_at))
    execute function webhooks.follow_delivery();

create or replace trigger forget_webhook_deliveries
    after delete on public.webhook_deliveries referencing old table as old_rows
    for each statement execute function webhooks.forget_deliveries();

create or replace trigger truncate_webhook_deliveries
    after truncate on public.webhook_deliveries
    for each statement execute function webhooks.forget_deliveries();

-- For Supabase Studio: deliveries with what is worth knowing about each, in reading order.

create or replace view public.webhook_delivery_overview
-- the caller's row level security, not the owner's
with (security_invoker = true)
as
select d.created_at,
       d.event_type as event,
       c.name as endpoint,
       case
           when d.status <> 'pending' then d.status
           when c.deleted_at is not null then 'held: endpoint deleted'
           when not c.is_active then 'held: endpoint inactive'
           when h.state = 'open' then 'held: circuit open'
           when h.paused_until > now() then 'held: endpoint asked to wait'
           when d.attempts > 0 then 'retrying'
           else d.status
       end as status,
       d.attempts || ' of ' || coalesce(cardinality(c.retry_schedule) + 1, c.max_attempts) as attempts,
       case when d.status = 'pending' then d.next_attempt_at end as next_attempt_at,
       d.response_status,
       d.error_message,
       d.last_attempt_at,
       (select a.duration_ms from public.webhook_attempts as a
        where a.delivery_id = d.id and a.number = d.attempts
        order by a.started_at desc limit 1) as last_duration_ms,
       d.finished_at,
       d.payload -> 'data' as data,
       d.request_id,
       d.id as delivery_id,
       d.webhook_config_id
from public.webhook_deliveries as d
join public.webhook_configurations as c on c.id = d.webhook_config_id
left join public.webhook_circuits as h on h.webhook_config_id = c.id
order by d.created_at desc, d.id desc;
comment on view public.webhook_delivery_overview is 'Deliveries, newest first: event, endpoint, status and last response. Row level security applies.';
comment on column public.webhook_delivery_overview.event is 'The event type.';
comment on column public.webhook_delivery_overview.endpoint is 'The name of the endpoint.';
comment on column public.webhook_delivery_overview.status is 'pending, retrying, processing, delivered, failed, or held with the reason.';
comment on column public.webhook_delivery_overview.attempts is 'Attempts made, of those the endpoint allows.';
comment on column public.webhook_delivery_overview.next_attempt_at is 'When a pending row is due.';
comment on column public.webhook_delivery_overview.response_status is 'HTTP status of the last attempt.';
comment on column public.webhook_delivery_overview.error_message is 'Why the last attempt failed; empty once delivered.';
comment on column public.webhook_delivery_overview.last_duration_ms is 'How long the last attempt took, in milliseconds.';
comment on column public.webhook_delivery_overview.data is 'The event''s own data; the whole payload is in webhook_deliveries.';
comment on column public.webhook_delivery_overview.request_id is 'The event: the same for every endpoint that receives it.';
comment on column public.webhook_delivery_overview.delivery_id is 'The id of the row in webhook_deliveries.';
comment on column public.webhook_delivery_overview.webhook_config_id is 'The id of the endpoint.';
revoke all on public.webhook_delivery_overview from public, anon, authenticated, service_role;
grant select on public.webhook_delivery_overview to authenticated, service_role;

select webhooks.prepare_webhook_partitions();

insert into webhooks.migrations (name, checksum, package_version) values ('partitions_swap', 'f91da7d8655bec65b5ae4934b131e2c6dae60ff0605fd0d912e891bec4b7ee42', '0.1.0')
on conflict (name) do update
set checksum = excluded.checksum, package_version = excluded.package_version, applied_at = now();
