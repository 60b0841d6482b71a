-- What was there before partitions becomes the first partition of each table. The rows are looked at while nobody waits
-- for them; the partitioned tables are locked at the end, for some milliseconds.

-- finished without a moment, or with a status of the first generation that is none today
update webhooks.webhook_deliveries_history as h
set finished_at = least(coalesce(h.last_attempt_at, h.created_at), p.ends - interval '1 microsecond')
from webhooks.partitions as p
where h.finished_at is null and p.parent = 'webhook_deliveries' and p.begins is null;

alter table webhooks.webhook_deliveries_history validate constraint webhook_deliveries_history_finished;
alter table webhooks.webhook_attempts_history validate constraint webhook_attempts_history_started;

do $$
declare
    _table text;
    _ends timestamptz;
begin
    perform set_config('timezone', 'UTC', true);
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        execute format('lock table public.%I in access exclusive mode', _table);
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
