-- What was there before partitions becomes the first partition of each table. The rows are looked at while nobody waits
-- for them; the partitioned tables are locked at the end, for some milliseconds.

-- Finished without a moment, or with a status of the first generation that is none today. Such a row cannot be changed
-- while that is checked.
-- squawk-ignore ban-drop-constraint
alter table webhooks.webhook_deliveries_history drop constraint webhook_deliveries_status_check;
update webhooks.webhook_deliveries_history as h
set finished_at = least(coalesce(h.last_attempt_at, h.created_at), p.ends - interval '1 microsecond')
from webhooks.partitions as p
where h.finished_at is null and p.parent = 'webhook_deliveries' and p.begins is null;
alter table webhooks.webhook_deliveries_history add constraint webhook_deliveries_status_check
    check (status in ('pending', 'processing', 'delivered', 'failed')) not valid;

alter table webhooks.webhook_deliveries_history validate constraint webhook_deliveries_history_finished;
alter table webhooks.webhook_attempts_history validate constraint webhook_attempts_history_started;

-- Attaching a table makes its foreign key the whole table's. Taken together or not at all: whoever holds one and waits for
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

do $$
declare
    _table text;
    _ends timestamptz;
begin
    perform set_config('timezone', 'UTC', true);
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        select p.ends into _ends from webhooks.partitions as p where p.parent = _table and p.begins is null;
        -- what was under way at the time of the last migration
        execute format('insert into webhooks.%I select * from webhooks.%I on conflict do nothing', _table || '_history', _table || '_past');
        execute format('drop table webhooks.%I', _table || '_past');
        execute format('alter table webhooks.%I rename to %I', _table || '_history', _table || '_past');
        execute format('alter table public.%I attach partition webhooks.%I for values from (minvalue) to (%L)',
            _table, _table || '_past', _ends);
        execute format('comment on table webhooks.%I is %L', _table || '_past',
            format('Partition of public.%s from the beginning to %s.', _table, _ends));
    end loop;
end $$;

-- their partitions say the same now
-- squawk-ignore ban-drop-constraint
alter table webhooks.webhook_deliveries_past drop constraint webhook_deliveries_history_finished;
-- squawk-ignore ban-drop-constraint
alter table webhooks.webhook_attempts_past drop constraint webhook_attempts_history_started;
