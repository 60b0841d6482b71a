-- Deliveries and attempts in partitions by day, for an app that keeps tens of millions of them (docs/scaling.md), in
-- three migrations. Opt-in: `webhooks migrations DIRECTORY --partitioned`.
--
-- webhook_deliveries is partitioned by created_at, webhook_attempts by started_at. The tables that are there become the
-- first partitions, without moving a row: they hold what is older than a week from now. What is not finished is in
-- webhooks.delivery_queue in any case, so claims touch no history. Retention drops partitions.
do $foresee$
declare
    _before text := current_setting('lock_timeout');
    _cut timestamptz := date_trunc('day', now() at time zone 'utc') at time zone 'utc' + interval '7 days';
    _table text;
    _key text;
begin
    perform set_config('timezone', 'UTC', true);
    for n in 1..200 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            for _table, _key in values ('webhook_deliveries', 'created_at'), ('webhook_attempts', 'started_at') loop
                if not exists (select from pg_constraint as k where k.conname = _table || '_past')
                    and (select c.relkind from pg_class as c where c.oid = format('public.%I', _table)::regclass) = 'r' then
                    -- not valid: the next migration reads the rows without blocking others
                    execute format('alter table public.%I add constraint %I check (%I < %L) not valid', _table, _table || '_past', _key, _cut);
                end if;
            end loop;
            perform set_config('lock_timeout', _before, true);
            return;
        exception
            when lock_not_available then
                perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'the tables were in use for a minute' using hint = 'End long transactions and push again.';
end $foresee$;
