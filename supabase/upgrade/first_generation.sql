-- The platform's first generation, altered in place to the tables of supabase/schemas; the next migration adds the rest.
-- No row is rewritten: new columns have constant defaults. In a database without a first generation nothing happens.

do $upgrade$
declare
    _before text := current_setting('lock_timeout');
    _one record;
    _locked boolean := false;
begin
    if to_regclass('public.webhook_configurations') is null or to_regclass('public.webhook_deliveries') is null
        or to_regclass('webhooks.delivery_queue') is not null then
        return;
    end if;

    -- 1. All contended locks, together or not at all, before anything else holds one. Dropping a policy makes hosted
    -- Supabase lock auth.* and storage.* too; dropping a foreign key to auth.users locks that in the same mode.
    for n in 1..200 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            for _one in
                select format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname) as statement
                from pg_constraint as k
                where k.contype = 'f' and k.conrelid = 'public.webhook_configurations'::regclass
                  and k.confrelid = 'auth.users'::regclass
            loop
                -- it deleted an admin's endpoints, and their deliveries, with the admin's account
                execute _one.statement;
            end loop;
            lock table public.webhook_configurations, public.webhook_deliveries in access exclusive mode;
            for _one in
                select format('drop policy %I on public.%I', p.policyname, p.tablename) as statement
                from pg_policies as p
                where p.schemaname = 'public' and p.tablename in ('webhook_configurations', 'webhook_deliveries')
            loop
                execute _one.statement;
            end loop;
            perform set_config('lock_timeout', _before, true);
            _locked := true;
            exit;
        exception
            -- nothing is held now: transactions that waited for us continue
            when lock_not_available then
                perform pg_sleep(0.1);
        end;
    end loop;
    if not _locked then
        raise exception 'the tables were in use for a minute' using hint = 'End long transactions and push again.';
    end if;

    if (select c.reltuples from pg_class as c where c.oid = 'public.webhook_deliveries'::regclass) > 5000000 then
        raise notice 'webhook_deliveries has about % million rows: this and the next migration lock it for about % s',
            (select round(c.reltuples / 1000000) from pg_class as c where c.oid = 'public.webhook_deliveries'::regclass),
            (select round(c.reltuples / 250000) from pg_class as c where c.oid = 'public.webhook_deliveries'::regclass)
            using hint = 'Hosted Supabase ends a statement after two minutes. Delete old deliveries first, or raise statement_timeout.';
    end if;

    -- 2. endpoints
    alter table public.webhook_configurations
        alter column created_by drop not null,
        add column max_attempts integer not null default 3
            constraint webhook_configurations_max_attempts_check check (max_attempts between 1 and 20),
        add column disabled_at timestamptz,
        add column disabled_reason text,
        add column credentials_profile text,
        add column rate_limit_per_second integer
            constraint webhook_configurations_rate_limit_per_second_check check (rate_limit_per_second between 1 and 100000),
        add column max_concurrency integer
            constraint webhook_configurations_max_concurrency_check check (max_concurrency between 1 and 10000),
        add column timeout_seconds double precision
            constraint webhook_configurations_timeout_seconds_check check (timeout_seconds between 0.1 and 120),
        add column headers jsonb,
        add column circuit_failure_threshold integer
            constraint webhook_configurations_circuit_failure_threshold_check check (circuit_failure_threshold between 1 and 10000),
        add column circuit_reset_seconds integer
            constraint webhook_configurations_circuit_reset_seconds_check check (circuit_reset_seconds between 1 and 86400),
        add column retry_schedule integer[]
            constraint webhook_configurations_retry_schedule_check check (
                cardinality(retry_schedule) between 0 and 19 and array_position(retry_schedule, null) is null
                and 0 <= all (retry_schedule) and 604800 >= all (retry_schedule) and coalesce(array_lower(retry_schedule, 1), 1) = 1),
        add column expires_after interval
            constraint webhook_configurations_expires_after_check check (expires_after > interval '0' and expires_after <= interval '10 years'),
        add column tenant_id text
            constraint webhook_configurations_tenant_id_check check (length(tenant_id) between 1 and 255),
        add column managed_by text,
        add column deleted_at timestamptz
            constraint webhook_configurations_deleted_check check (deleted_at is null or not is_active);

    -- replaced by one of the app's own endpoints
    drop index if exists public.idx_webhook_configurations_events;

    -- 3. deliveries; what was pending is due at once
    alter table public.webhook_deliveries
        add column request_id uuid,
        add column next_attempt_at timestamptz not null default now(),
        add column finished_at timestamptz,
        add column traceparent text,
        add column actor_id text,
        add column tenant_id text,
        add column counted_attempts integer not null default 0,
        add column deferred_since timestamptz,
        add column erased_at timestamptz,
        -- not valid: existing rows are not checked, new writes are
        add constraint webhook_deliveries_status_check
            check (status in ('pending', 'processing', 'delivered', 'failed')) not valid;
    update public.webhook_deliveries as d
    set counted_attempts = d.attempts
    where d.status in ('pending', 'processing') and d.attempts > 0;
    alter table public.webhook_deliveries set (
        fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
    -- an index that holds the status would cost every attempt; the others come back with the id in them
    drop index if exists public.idx_webhook_deliveries_status;
    drop index if exists public.idx_webhook_deliveries_created_at;
    drop index if exists public.idx_webhook_deliveries_config_id;
end $upgrade$;
