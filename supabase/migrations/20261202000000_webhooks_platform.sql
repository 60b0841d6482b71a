-- webhooks migration: platform 397b41bf1cd49d6d21725133409e2ef3dd988fadf2b2d8d2eef0dcb959e34a9b
-- Produced from supabase/schemas by `make migrations`. Change the files there, not this one.

select set_config('check_function_bodies', 'off', true);

-- platform/api/close_expired_discussions.sql
create or replace function public.close_expired_discussions(
    batch_size integer default 1000
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.close_expired_discussions(close_expired_discussions.batch_size);
end $$;
comment on function public.close_expired_discussions(integer) is 'Closes up to batch_size discussions that have expired and emits discussion.auto_closed for each. Returns {"closed", "remaining"}: call it again while some remain.';
revoke all on function public.close_expired_discussions(integer) from public, anon, authenticated, service_role;
grant execute on function public.close_expired_discussions(integer) to service_role;

-- platform/close_expired_discussions.sql
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

-- platform/event_types.sql
-- The platform's own catalog: its nine events, and the analytics events, so that dispatching one is an error that says
-- where it belongs.
insert into public.webhook_event_types (name, description, data_schema, example) values
('user.joined_platform', 'A user signed up.', '{
    "type": "object", "required": ["user_id", "email", "name"], "properties": {
    "user_id": {"type": "string", "format": "uuid"}, "email": {"type": ["string", "null"]},
    "name": {"type": ["string", "null"]}}}', '{
    "user_id": "6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11", "email": "ana@example.com", "name": "Ana"}'),
('user.joined_community', 'A user joined a community.', '{
    "type": "object", "required": ["community_id", "community_name", "community_city"], "properties": {
    "community_id": {"type": "string", "format": "uuid"}, "community_name": {"type": "string"},
    "community_city": {"type": "string"}}}', '{
    "community_id": "0d9f6f2e-52a7-4a53-8a57-0f3f9b5e8c21", "community_name": "Book Club", "community_city": "Berlin"}'),
('user.registered_event', 'A user registered for an event.', '{
    "type": "object", "required": ["event_id", "registration_id", "payment_id", "status"], "properties": {
    "event_id": {"type": "string", "format": "uuid"}, "registration_id": {"type": "string", "format": "uuid"},
    "payment_id": {"type": ["string", "null"]}, "status": {"type": "string"}}}', '{
    "event_id": "b4c3a6d0-6f0e-4f7e-8a9b-1c2d3e4f5a6b", "registration_id": "5a4b3c2d-1e0f-4a9b-8c7d-6e5f4a3b2c1d",
    "payment_id": "pay_123", "status": "registered"}'),
('user.cancelled_registration', 'A user cancelled a registration.', '{
    "type": "object", "required": ["event_id", "registration_id"], "properties": {
    "event_id": {"type": "string", "format": "uuid"}, "registration_id": {"type": "string", "format": "uuid"}}}', '{
    "event_id": "b4c3a6d0-6f0e-4f7e-8a9b-1c2d3e4f5a6b", "registration_id": "5a4b3c2d-1e0f-4a9b-8c7d-6e5f4a3b2c1d"}'),
('user.posted_comment', 'A user commented on a discussion.', '{
    "type": "object", "required": ["discussion_id", "comment_id", "comment_text"], "properties": {
    "discussion_id": {"type": "string", "format": "uuid"}, "comment_id": {"type": "string", "format": "uuid"},
    "comment_text": {"type": "string"}}}', '{
    "discussion_id": "7e6d5c4b-3a29-4180-9f8e-7d6c5b4a3921", "comment_id": "2f3e4d5c-6b7a-4899-a8b7-c6d5e4f3a2b1",
    "comment_text": "See you there!"}'),
('user.flagged_comment', 'A user flagged another user''s comment.', '{
    "type": "object", "required": ["comment_id", "flagged_user_id", "reason"], "properties": {
    "comment_id": {"type": ["string", "null"], "format": "uuid"}, "flagged_user_id": {"type": "string", "format": "uuid"},
    "reason": {"type": "string"}}}', '{
    "comment_id": "2f3e4d5c-6b7a-4899-a8b7-c6d5e4f3a2b1", "flagged_user_id": "9a8b7c6d-5e4f-4a3b-8c1d-0e9f8a7b6c5d",
    "reason": "spam"}'),
('user.referred_user', 'A referral was applied: a user brought another one.', '{
    "type": "object", "required": ["referred_user_id", "referrer_id", "referral_code"], "properties": {
    "referred_user_id": {"type": "string", "format": "uuid"}, "referrer_id": {"type": "string", "format": "uuid"},
    "referral_code": {"type": "string"}}}', '{
    "referred_user_id": "6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11", "referrer_id": "9a8b7c6d-5e4f-4a3b-8c1d-0e9f8a7b6c5d",
    "referral_code": "ANA2026"}'),
('discussion.auto_closed', 'An expired discussion was closed.', '{
    "type": "object", "required": ["discussion_id", "closed_at"], "properties": {
    "discussion_id": {"type": "string", "format": "uuid"}, "closed_at": {"type": "string", "format": "date-time"}}}', '{
    "discussion_id": "7e6d5c4b-3a29-4180-9f8e-7d6c5b4a3921", "closed_at": "2026-01-29T12:34:56.789Z"}'),
('discussion.extended', 'A discussion''s end was moved out.', '{
    "type": "object", "required": ["discussion_id", "new_expires_at"], "properties": {
    "discussion_id": {"type": "string", "format": "uuid"}, "new_expires_at": {"type": "string", "format": "date-time"}}}', '{
    "discussion_id": "7e6d5c4b-3a29-4180-9f8e-7d6c5b4a3921", "new_expires_at": "2026-02-05T12:34:56.789Z"}')
on conflict (name) do nothing;
insert into public.webhook_event_types (name, description, analytics_destination) values
('page_view', 'A page was viewed. Analytics, never a webhook.', 'Google Analytics'),
('event_view', 'An event''s page was viewed. Analytics, never a webhook.', 'Mixpanel'),
('community_view', 'A community''s page was viewed. Analytics, never a webhook.', 'Mixpanel'),
('session_tracking', 'A session was tracked. Analytics, never a webhook.', 'Auth0 Analytics')
on conflict (name) do nothing;
-- users may report what users do in the app; the other types have other causes
update public.webhook_event_types as t
set users_may_dispatch = true
where t.name in ('user.joined_community', 'user.registered_event', 'user.cancelled_registration', 'user.posted_comment',
                 'user.flagged_comment')
  -- only once: an admin's later choice is kept
  and not exists (select from webhooks.migrations as m where m.name = 'platform');

-- platform/install_platform_webhooks.sql
create or replace function public.install_platform_webhooks()
returns table (event_type text, source text, operation text, outcome text)
language plpgsql
-- invoker, and only for the owner of the tables: it creates triggers
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger record;
begin
    perform webhooks.check_server();
    perform webhooks.lock_tables(array(
        select distinct to_regclass(t.source) from webhooks.platform_triggers() as t where to_regclass(t.source) is not null));
    for _trigger in select * from webhooks.platform_triggers() loop
        event_type := _trigger.event_type;
        source := _trigger.source;
        operation := _trigger.operation;
        if to_regclass(_trigger.source) is null then
            outcome := 'left: the table does not exist';
        else
            begin
                outcome := public.webhook_attach(
                    _trigger.source::regclass, _trigger.event_type, _trigger.operation, _trigger.data, _trigger.actor,
                    _trigger.condition);
            exception when others then
                outcome := 'left: ' || sqlerrm;
            end;
        end if;
        return next;
    end loop;
end $$;
comment on function public.install_platform_webhooks() is 'Attaches the platform''s nine events to its tables. Returns what it attached, kept and left, and why; may be called again.';
revoke all on function public.install_platform_webhooks() from public, anon, authenticated, service_role;

-- platform/platform_triggers.sql
-- The platform's nine events, attached when asked for: select * from public.install_platform_webhooks().

create or replace function webhooks.platform_triggers()
returns table (source text, event_type text, operation text, data jsonb, actor text, condition text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    values
    ('auth.users', 'user.joined_platform', 'insert', '{
        "user_id": "id", "email": "email",
        "name": "coalesce(new.raw_user_meta_data ->> ''name'', new.raw_user_meta_data ->> ''full_name'')"}'::jsonb,
        'id', null),
    ('public.community_members', 'user.joined_community', 'insert', '{
        "community_id": "community_id",
        "community_name": "select c.name from public.communities as c where c.id = new.community_id",
        "community_city": "select c.city from public.communities as c where c.id = new.community_id"}',
        'user_id', null),
    ('public.event_registrations', 'user.registered_event', 'insert', '{
        "event_id": "event_id", "registration_id": "id", "payment_id": "payment_id", "status": "status"}',
        'user_id', null),
    ('public.event_registrations', 'user.cancelled_registration', 'delete', '{
        "event_id": "event_id", "registration_id": "id"}',
        'user_id', null),
    ('public.discussion_comments', 'user.posted_comment', 'insert', '{
        "discussion_id": "discussion_id", "comment_id": "id", "comment_text": "text"}',
        'user_id', null),
    ('public.flags', 'user.flagged_comment', 'insert', '{
        "comment_id": "comment_id", "flagged_user_id": "flagged_user_id", "reason": "reason"}',
        'flagged_by_id', null),
    -- apply_referral_code dispatches it too, after its insert: it gets this event's result
    ('public.referrals', 'user.referred_user', 'insert', '{
        "referred_user_id": "referred_user_id", "referrer_id": "referrer_id",
        "referral_code": "select u.referral_code from public.users as u where u.id = new.referrer_id"}',
        'referrer_id', null),
    ('public.discussions', 'discussion.auto_closed', 'update', '{
        "discussion_id": "id", "closed_at": "now()"}',
        'webhooks.user_id()', 'old.is_visible and not new.is_visible and new.expires_at <= now()'),
    ('public.discussions', 'discussion.extended', 'update', '{
        "discussion_id": "id", "new_expires_at": "expires_at"}',
        'webhooks.user_id()', 'new.expires_at > old.expires_at')
$$;
comment on function webhooks.platform_triggers() is 'The platform''s nine events, as arguments of webhook_attach.';
revoke all on function webhooks.platform_triggers() from public, anon, authenticated, service_role;

-- platform/uninstall_platform_webhooks.sql
create or replace function public.uninstall_platform_webhooks()
returns table (event_type text, source text, operation text, outcome text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger record;
begin
    perform webhooks.check_server();
    perform webhooks.forget_dropped_tables();
    for _trigger in select * from webhooks.platform_triggers() loop
        event_type := _trigger.event_type;
        source := _trigger.source;
        operation := _trigger.operation;
        if to_regclass(_trigger.source) is null then
            outcome := 'left: the table does not exist';
        else
            begin
                outcome := case
                    when public.webhook_detach(_trigger.source::regclass, _trigger.event_type, _trigger.operation)
                        then 'detached'
                    else 'left: it was not attached'
                end;
            exception when insufficient_privilege then
                -- hosted Supabase lets postgres drop triggers of auth.users; other servers only the table's owner
                outcome := 'left: ' || sqlerrm;
            end;
        end if;
        return next;
    end loop;
end $$;
comment on function public.uninstall_platform_webhooks() is 'The opposite of install_platform_webhooks: the platform''s tables no longer emit events. Its frontends'' dispatch_webhook still works.';
revoke all on function public.uninstall_platform_webhooks() from public, anon, authenticated, service_role;

insert into webhooks.expected_access (object, kind, grants) values
    ('public.close_expired_discussions(integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('public.install_platform_webhooks()', 'function', '{}'),
    ('public.uninstall_platform_webhooks()', 'function', '{}'),
    ('webhooks.close_expired_discussions(integer)', 'function', '{"service_role": ["EXECUTE"]}'),
    ('webhooks.platform_triggers()', 'function', '{}')
on conflict (object) do update set kind = excluded.kind, grants = excluded.grants;

select s.kind, s.object, s.was, s.should_be from webhooks.secure() as s;

insert into webhooks.migrations (name, checksum, package_version) values ('platform', '397b41bf1cd49d6d21725133409e2ef3dd988fadf2b2d8d2eef0dcb959e34a9b', '0.1.0')
on conflict (name) do update
set checksum = excluded.checksum, package_version = excluded.package_version, applied_at = now();
