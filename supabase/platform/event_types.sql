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
