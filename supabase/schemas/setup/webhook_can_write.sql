create or replace function webhooks.webhook_can_write()
returns jsonb
language plpgsql
-- definer: behind public.webhook_can_write, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '1s'
as $$
begin
    if pg_is_in_recovery() then
        return jsonb_build_object('writable', false, 'why', 'this is a read replica, or the database is recovering');
    end if;
    insert into webhooks.write_probe as p (probed_at) values (now())
    on conflict (only_row) do update set probed_at = excluded.probed_at
    -- two calls within a second need only one write
    where p.probed_at < now() - interval '1 second';
    return jsonb_build_object('writable', true, 'why', null);
exception
    when read_only_sql_transaction then
        return jsonb_build_object('writable', false, 'why', 'the database is read-only; Supabase does that when the disk is full');
    when disk_full then
        return jsonb_build_object('writable', false, 'why', 'the disk is full');
    when lock_not_available then
        -- another call is writing right now
        return jsonb_build_object('writable', true, 'why', null);
end $$;
comment on function webhooks.webhook_can_write() is 'Behind public.webhook_can_write.';
revoke all on function webhooks.webhook_can_write() from public, anon, authenticated, service_role;
grant execute on function webhooks.webhook_can_write() to service_role;
