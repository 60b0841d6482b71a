-- Deliveries and attempts in partitions by day, for an app that keeps tens of millions of them (docs/scaling.md). Opt-in:
-- `webhooks migrations DIRECTORY --partitioned`.
--
-- webhook_deliveries is partitioned by finished_at. What is unfinished has none and lies in one small partition, which
-- is all that claims and autovacuum touch, however long the history. Recording a result moves the row to its day's
-- partition; retention drops partitions. webhook_attempts is partitioned by started_at. The first partition of each
-- begins with the beginning of time and the last one has no end, so that there is no moment without a partition.
--
-- The tables that are there are set aside, and their unfinished rows moved; the next migration puts them back as the
-- first partitions. Until then history is not seen, and deliveries go on.

do $$
declare
    _others text;
begin
    select string_agg(o.what, '; ' order by o.what) into _others
    from (
        select 'view ' || v.oid::regclass::text as what
        from pg_catalog.pg_depend as d
        join pg_catalog.pg_rewrite as r on r.oid = d.objid
        join pg_catalog.pg_class as v on v.oid = r.ev_class
        where d.classid = 'pg_rewrite'::regclass
          and d.refobjid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
          and v.oid <> 'public.webhook_delivery_overview'::regclass
        union
        select 'foreign key ' || k.conname || ' of ' || k.conrelid::regclass::text
        from pg_catalog.pg_constraint as k
        where k.contype = 'f' and k.confrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
          and k.conrelid <> 'public.webhook_attempts'::regclass
        union
        select 'trigger ' || t.tgname
        from pg_catalog.pg_trigger as t
        where t.tgrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass) and not t.tgisinternal
          and t.tgname not in ('complete_webhook_delivery', 'note_webhook_traceparent', 'keep_webhook_finished_at', 'wake_webhook_workers')
        union
        -- a partitioned table cannot have one without its time
        select 'unique index ' || i.indexrelid::regclass::text
        from pg_catalog.pg_index as i
        where i.indrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
          and i.indisunique and not i.indisprimary
        union
        select 'publication ' || p.pubname
        from pg_catalog.pg_publication_rel as m
        join pg_catalog.pg_publication as p on p.oid = m.prpubid
        where m.prrelid in ('public.webhook_deliveries'::regclass, 'public.webhook_attempts'::regclass)
    ) as o;
    if _others is not null then
        raise exception 'webhook_deliveries or webhook_attempts is used by what this migration does not know: %', _others
            using hint = 'Drop it, apply this migration, and make it anew. A moved row fires the triggers of an insert and a delete.';
    end if;
end $$;

create or replace view webhooks.partitions as
select i.parent, c.relname::text as name, c.oid as id,
       -- of the first and the last partition null
       (regexp_match(i.bound, 'FROM \(''([^'']+)'''))[1]::timestamptz as begins,
       (regexp_match(i.bound, 'TO \(''([^'']+)'''))[1]::timestamptz as ends,
       greatest(c.reltuples, 0)::bigint as estimated_rows
from (
    select p.relname::text as parent, h.inhrelid, pg_get_expr(l.relpartbound, l.oid) as bound
    from pg_catalog.pg_inherits as h
    join pg_catalog.pg_class as l on l.oid = h.inhrelid
    join pg_catalog.pg_class as p on p.oid = h.inhparent
    where p.relkind = 'p' and p.relnamespace = 'public'::regnamespace
      and p.relname in ('webhook_deliveries', 'webhook_attempts')
) as i
join pg_catalog.pg_class as c on c.oid = i.inhrelid
where i.bound <> 'DEFAULT';
comment on view webhooks.partitions is 'The partitions of history, by table.';
revoke all on webhooks.partitions from public, anon, authenticated;

create or replace function webhooks.make_partition(parent text, name text, begins timestamptz, ends timestamptz)
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- with a key of its own: one of the whole table would have to contain the time
    execute format('create table webhooks.%I partition of public.%I (primary key (%s)) for values from (%s) to (%s)',
        make_partition.name, parent,
        case parent when 'webhook_deliveries' then 'id' else 'delivery_id, number' end,
        coalesce(quote_literal(begins), 'minvalue'), coalesce(quote_literal(ends), 'maxvalue'));
    -- read through the whole table, whose policies then hold; by itself it is nobody's
    execute format('alter table webhooks.%I enable row level security', make_partition.name);
    execute format('revoke all on webhooks.%I from public, anon, authenticated, service_role', make_partition.name);
    execute format('comment on table webhooks.%I is %L', make_partition.name,
        format('Partition of public.%s from %s to %s.', parent, coalesce(begins::text, 'the beginning'), coalesce(ends::text, 'the end')));
end $$;
comment on function webhooks.make_partition(text, text, timestamptz, timestamptz) is 'Makes a partition of history; without a begin or an end: from the beginning of time, or without end.';
revoke all on function webhooks.make_partition(text, text, timestamptz, timestamptz) from public, anon, authenticated;

-- The endpoints too, which the deliveries' foreign key leads to. Taken together or not at all: whoever holds one and waits for
-- another is not waited for, and nobody waits longer than this tries.
do $$
declare
    _before text := current_setting('lock_timeout');
begin
    for n in 1..600 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            lock table public.webhook_configurations, public.webhook_deliveries, public.webhook_attempts in access exclusive mode;
            perform set_config('lock_timeout', _before, true);
            return;
        exception
            when lock_not_available then
                perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'the tables of deliveries were never free for a moment in three minutes'
        using hint = 'End long transactions, or stop the workers for a moment, and try again.';
end $$;

-- a partitioned table has no unique id that could be referred to
-- squawk-ignore ban-drop-constraint
alter table public.webhook_attempts drop constraint if exists webhook_attempts_delivery_id_fkey;

-- a partition gets those of its table
drop trigger if exists complete_webhook_delivery on public.webhook_deliveries;
drop trigger if exists note_webhook_traceparent on public.webhook_deliveries;
drop trigger if exists keep_webhook_finished_at on public.webhook_deliveries;
drop trigger if exists wake_webhook_workers on public.webhook_deliveries;

-- Each table is set aside, and its columns, checks, indexes, policies, privileges and comments given to the new one.
do $$
declare
    _table text;
    _key text;
    _old regclass;
    _one record;
begin
    for _table, _key in values ('webhook_deliveries', 'finished_at'), ('webhook_attempts', 'started_at') loop
        execute format('alter table public.%I set schema webhooks', _table);
        execute format('alter table webhooks.%I rename to %I', _table, _table || '_history');
        _old := format('webhooks.%I', _table || '_history')::regclass;
        execute format('create table public.%I (like %s including defaults including generated including storage'
            ' including compression including comments) partition by range (%I)', _table, _old, _key);
        execute format('comment on table public.%I is %L', _table, obj_description(_old, 'pg_class'));
        execute format('alter table public.%I enable row level security', _table);
        execute format('revoke all on public.%I from public, anon, authenticated, service_role', _table);

        for _one in
            select k.conname, regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') as definition
            from pg_catalog.pg_constraint as k
            where k.conrelid = _old and k.contype = 'c'
        loop
            -- not valid, as some are of old rows: a valid one could not be shared with those
            execute format('alter table public.%I add constraint %I %s not valid', _table, _one.conname, _one.definition);
        end loop;
        for _one in
            select replace(pg_get_indexdef(i.indexrelid), format(' ON %s ', _old), format(' ON public.%I ', _table)) as definition
            from pg_catalog.pg_index as i
            where i.indrelid = _old and not i.indisunique
              -- what was finished before a moment is whole partitions now
              and i.indexrelid::regclass::text <> 'webhooks.idx_webhook_deliveries_finished'
        loop
            execute _one.definition;
        end loop;
        for _one in
            select y.* from pg_catalog.pg_policies as y where y.schemaname = 'webhooks' and y.tablename = _table || '_history'
        loop
            execute format('create policy %I on public.%I as %s for %s to %s', _one.policyname, _table, _one.permissive, _one.cmd,
                    (select string_agg(case r.name when 'public' then 'public' else quote_ident(r.name) end, ', ') from unnest(_one.roles) as r (name)))
                || coalesce(' using (' || _one.qual || ')', '') || coalesce(' with check (' || _one.with_check || ')', '');
        end loop;
        for _one in
            select p.privilege_type, p.is_grantable,
                   case p.grantee when 0 then 'public' else p.grantee::regrole::text end as grantee
            from pg_catalog.pg_class as c
            cross join lateral aclexplode(c.relacl) as p
            where c.oid = _old and p.grantee <> c.relowner
        loop
            execute format('grant %s on public.%I to %s%s', _one.privilege_type, _table, _one.grantee,
                case when _one.is_grantable then ' with grant option' else '' end);
        end loop;
        execute format('revoke all on %s from public, anon, authenticated, service_role', _old);
    end loop;
end $$;

-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid -- there is no row yet
alter table public.webhook_deliveries add constraint webhook_deliveries_webhook_config_id_fkey
    foreign key (webhook_config_id) references public.webhook_configurations (id) on delete cascade;

create table webhooks.webhook_deliveries_live partition of public.webhook_deliveries (
    primary key (id),
    -- also spares every new partition a look at whether one of these rows belongs to it
    constraint webhook_deliveries_live_unfinished check (finished_at is null)
) default
-- as the ordinary table: a queue turns over fast
with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
comment on table webhooks.webhook_deliveries_live is 'Partition of public.webhook_deliveries: what is not finished.';
alter table webhooks.webhook_deliveries_live enable row level security;
revoke all on webhooks.webhook_deliveries_live from public, anon, authenticated, service_role;
-- inserted as finished, but without a moment; upkeep gives it one
create index idx_webhook_deliveries_live_stray
    on webhooks.webhook_deliveries_live (id) where status in ('delivered', 'failed');

-- one status at a time, as the indexes of unfinished rows have them: the whole table would take long to read
insert into webhooks.webhook_deliveries_live
select h.* from webhooks.webhook_deliveries_history as h where h.status = 'pending'
union all
select h.* from webhooks.webhook_deliveries_history as h where h.status = 'processing';
delete from webhooks.webhook_deliveries_history as h where h.status = 'pending';
delete from webhooks.webhook_deliveries_history as h where h.status = 'processing';
update webhooks.webhook_deliveries_live as l set request_id = gen_random_uuid() where l.request_id is null;

-- No old row is as young as the first partition. A clock that was wrong may have made one that seems younger than now.
do $$
declare
    _cut timestamptz := greatest(
        clock_timestamp(),
        (select max(h.finished_at) from webhooks.webhook_deliveries_history as h),
        (select max(h.started_at) from webhooks.webhook_attempts_history as h)) + interval '1 millisecond';
    _table text;
begin
    perform set_config('timezone', 'UTC', true);
    if _cut > now() + interval '1 day' then
        raise exception 'a delivery or an attempt lies in the future: %', _cut
            using hint = 'Mend max(finished_at) of webhook_deliveries, or max(started_at) of webhook_attempts, and try again.';
    end if;
    execute format('alter table webhooks.webhook_deliveries_history add constraint webhook_deliveries_history_finished'
        ' check (finished_at is not null and finished_at < %L) not valid', _cut);
    execute format('alter table webhooks.webhook_attempts_history add constraint webhook_attempts_history_started'
        ' check (started_at is not null and started_at < %L) not valid', _cut);
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        perform webhooks.make_partition(_table, _table || '_past', null, _cut);
        perform webhooks.make_partition(_table, _table || '_later', _cut, null);
    end loop;
end $$;

-- A move between partitions fires the triggers of an insert. A row that has been attempted, or is finished, is no new one.
create trigger complete_webhook_delivery
    before insert on public.webhook_deliveries
    for each row when (new.request_id is null or (new.attempts = 0 and new.finished_at is null))
    execute function webhooks.complete_delivery();
create trigger note_webhook_traceparent
    before insert on public.webhook_deliveries
    for each row when (
        new.attempts = 0 and new.finished_at is null
        and new.traceparent is null and current_setting('request.headers', true) ilike '%traceparent%')
    execute function webhooks.note_traceparent();
create trigger keep_webhook_finished_at
    before update of status on public.webhook_deliveries
    for each row when ((new.status in ('delivered', 'failed')) <> (new.finished_at is not null))
    execute function webhooks.keep_finished_at();
create trigger wake_webhook_workers
    after insert on public.webhook_deliveries
    for each statement execute function webhooks.wake_workers();

create or replace function webhooks.drop_attempts()
returns trigger
language plpgsql
-- definer: as the foreign key did, whoever deletes
security definer
set search_path = ''
as $$
begin
    if tg_op = 'TRUNCATE' then
        truncate public.webhook_attempts;
    else
        delete from public.webhook_attempts as a using gone as g where a.delivery_id = g.id;
    end if;
    return null;
end $$;
comment on function webhooks.drop_attempts() is 'Deletes the attempts of deleted deliveries, in place of a foreign key.';
revoke all on function webhooks.drop_attempts() from public, anon, authenticated;
-- for each statement: a move is a delete to the triggers of rows, but not to those of statements
create trigger drop_webhook_attempts
    after delete on public.webhook_deliveries referencing old table as gone
    for each statement execute function webhooks.drop_attempts();
create trigger truncate_webhook_attempts
    after truncate on public.webhook_deliveries
    for each statement execute function webhooks.drop_attempts();

create or replace view public.webhook_delivery_overview
-- the caller's row level security, not the owner's
with (security_invoker = true)
as
select d.created_at,
       d.event_type as event,
       c.name as endpoint,
       case
           when d.status = 'pending' and d.attempts > 0 then 'retrying'
           when d.status = 'pending' and not c.is_active then 'held: endpoint inactive'
           when d.status = 'pending' and h.state = 'open' then 'held: circuit open'
           else d.status
       end as status,
       d.attempts || ' of ' || c.max_attempts as attempts,
       case when d.status = 'pending' then d.next_attempt_at end as next_attempt_at,
       d.response_status,
       d.error_message,
       d.last_attempt_at,
       -- two workers may have logged one number on two days
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
join public.webhook_circuits as h on h.webhook_config_id = c.id
order by d.created_at desc, d.id desc;

create or replace function public.prepare_webhook_partitions()
returns integer
language plpgsql
-- definer: partitions belong to the tables' owner
security definer
set search_path = ''
-- a partition is a day of UTC
set timezone = 'UTC'
-- the whole table is locked for some milliseconds; whoever reads it for long is not waited for: the next call may do it
set lock_timeout = '500ms'
as $$
declare
    _table text;
    _later text;
    _begins timestamptz;
    _ends timestamptz;
    _moved boolean;
    _made integer := 0;
begin
    -- by name and not by status: an index of its own, which is empty
    if exists (select from webhooks.webhook_deliveries_live as l where l.status in ('delivered', 'failed')) then
        update public.webhook_deliveries as d
        set finished_at = coalesce(d.last_attempt_at, d.created_at)
        where d.finished_at is null and d.status in ('delivered', 'failed');
    end if;
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        select p.name, p.begins into _later, _begins from webhooks.partitions as p where p.parent = _table and p.ends is null;
        -- seldom, for the lock's sake
        continue when _begins >= now() + interval '3 days';
        -- more than is moved within a second or two: work for a quiet hour, as the documentation says
        if pg_relation_size(format('webhooks.%I', _later)) > 256 * 1024 * 1024
            and current_setting('webhooks.move_all', true) is distinct from 'on' then
            raise exception 'webhooks.% holds what should lie in partitions by day', _later
                using hint = 'Call it once with the setting webhooks.move_all = on: docs/scaling.md.';
        end if;
        execute format('lock table public.%I in access exclusive mode', _table);
        execute format('select exists (select from webhooks.%I)', _later) into _moved;
        if _moved then
            execute format('create temporary table webhook_rows_to_move on commit drop as select * from webhooks.%I', _later);
        end if;
        execute format('drop table webhooks.%I', _later);
        while _begins < now() + interval '7 days' loop
            -- one partition for a time when nobody called
            _ends := greatest(date_trunc('day', _begins) + interval '1 day', date_trunc('day', now()));
            perform webhooks.make_partition(_table, _table || '_' || to_char(_begins, 'YYYYMMDD'), _begins, _ends);
            _begins := _ends;
            _made := _made + 1;
        end loop;
        perform webhooks.make_partition(_table, _later, _begins, null);
        if _moved then
            execute format('insert into public.%I select * from pg_temp.webhook_rows_to_move', _table);
            drop table pg_temp.webhook_rows_to_move;
        end if;
    end loop;
    return _made;
end $$;

create or replace function webhooks.purge_deliveries(finished_before timestamptz, batch_size integer)
returns integer
language plpgsql
set search_path = ''
set timezone = 'UTC'
set lock_timeout = '500ms'
set jit = off
as $$
declare
    _table text;
    _names text[];
    _name text;
    _ends timestamptz;
    _rows bigint;
    _purged integer;
begin
    -- whole partitions; the first one becomes as long as all that went
    foreach _table in array array['webhook_attempts', 'webhook_deliveries'] loop
        select array_agg(p.name), max(p.ends), least(sum(p.estimated_rows), 2147483647)
        into _names, _ends, _rows
        from webhooks.partitions as p
        where p.parent = _table and p.ends <= finished_before;
        continue when _names is null;
        if cardinality(_names) > 1 or pg_relation_size(format('webhooks.%I', _names[1])) > 0 then
            execute format('lock table public.%I in access exclusive mode', _table);
            foreach _name in array _names loop
                execute format('drop table webhooks.%I', _name);
            end loop;
            perform webhooks.make_partition(_table, _table || '_past', null, _ends);
            return greatest(_rows, 1);
        end if;
    end loop;

    -- what was there before partitions goes as it did then, with its attempts
    select p.ends into _ends
    from webhooks.partitions as p
    where p.parent = 'webhook_deliveries' and p.begins is null;
    delete from public.webhook_deliveries as d
    where d.finished_at < least(_ends, finished_before)
      and d.id = any (array(
        select f.id
        from webhooks.webhook_deliveries_past as f
        where f.finished_at < finished_before
        order by f.finished_at
        limit batch_size
        for update skip locked));
    get diagnostics _purged = row_count;
    return _purged;
end $$;
comment on function webhooks.purge_deliveries(timestamptz, integer) is 'Drops the partitions of what finished before a moment; deletes what is older than partitions, a batch at a time. Returns how many rows, of partitions about.';

select public.prepare_webhook_partitions();
