-- The schema of everything that the REST API must not reach: tables of secrets and of work, and the functions that
-- public's thin ones call.
create schema if not exists webhooks;
comment on schema webhooks is 'Internals of the webhook system. Not exposed through the REST API.';
revoke all on schema webhooks from public, anon, authenticated, service_role;
grant usage on schema webhooks to authenticated, service_role;
