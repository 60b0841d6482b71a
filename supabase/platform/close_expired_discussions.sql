-- Closes expired discussions, one batch per call, and emits discussion.auto_closed for each.

create or replace function webhooks.close_expired_discussions(batch_size integer default 1000)
returns jsonb
language plpgsql
-- definer: behind public.close_expired_discussions, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _now timestamptz := now();
    _closed uuid[];
    _message text;
    _context text;
begin
    if to_regclass('public.discussions') is null then
        raise exception 'the table public.discussions does not exist'
            using errcode = 'PT404', hint = 'This function is for the platform; other apps do not need it.';
    end if;
    if close_expired_discussions.batch_size is null or close_expired_discussions.batch_size < 1 then
        raise exception 'batch_size must be 1 or more' using errcode = '22023';
    end if;
    with expired as (
        select d.id
        from public.discussions as d
        where d.is_visible and d.expires_at <= _now
        order by d.expires_at
        limit close_expired_discussions.batch_size
        -- a second call at the same time takes others
        for update skip locked
    ),
    closed as (
        update public.discussions as d
        set is_visible = false, updated_at = _now
        from expired as e
        where d.id = e.id
        returning d.id
    )
    select coalesce(array_agg(c.id), '{}') into _closed from closed as c;

    -- with its trigger attached, the update above has emitted the events
    if cardinality(_closed) > 0 and not exists (
        select from public.webhook_triggers as t
        join pg_catalog.pg_trigger as g on g.tgrelid = t.source and g.tgname = t.trigger_name and g.tgenabled in ('O', 'A')
        where t.enabled and t.source = 'public.discussions'::regclass and t.event_type = 'discussion.auto_closed'
    ) then
        begin
            perform webhooks.emit_changes(
                'public.discussions', 'update', 'discussion.auto_closed', array['discussion_id'],
                array_agg(jsonb_build_object(
                    'discussion_id', c.id,
                    'closed_at', to_char(_now at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))),
                array_agg(webhooks.user_id()))
            from unnest(_closed) as c (id);
        exception when others then
            get stacked diagnostics _message = message_text, _context = pg_exception_context;
            perform webhooks.record_trigger_error(
                'public.discussions', 'update', 'discussion.auto_closed', cardinality(_closed), sqlstate, _message, _context);
        end;
    end if;
    return jsonb_build_object(
        'closed', cardinality(_closed),
        'remaining', (select count(*) from public.discussions as d where d.is_visible and d.expires_at <= _now));
end $$;
comment on function webhooks.close_expired_discussions(integer) is 'Behind public.close_expired_discussions.';
revoke all on function webhooks.close_expired_discussions(integer) from public, anon, authenticated, service_role;
grant execute on function webhooks.close_expired_discussions(integer) to service_role;
