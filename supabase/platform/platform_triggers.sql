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
