-- Which Supabase project the database belongs to. A clone, a branch or a restored copy carries the row along, and the
-- workers of the copy's project name another one: then everything is held until a person confirms.
create table if not exists webhooks.installation (
    only_row boolean primary key default true check (only_row),
    project text,
    held_for text,
    held_since timestamptz,
    gateway_url text,
    drain_seconds integer,
    constraint installation_held check ((held_for is null) = (held_since is null))
);
comment on table webhooks.installation is 'One row: the project that sends the deliveries.';
comment on column webhooks.installation.project is 'The project of the first worker that claimed; empty before.';
comment on column webhooks.installation.held_for is 'Another project, whose workers asked for deliveries. While it is set, nothing is claimed.';
comment on column webhooks.installation.held_since is 'When they first asked.';
comment on column webhooks.installation.gateway_url is 'The gateway that new deliveries wake by pg_net: webhooks.wake_by_request. Empty: none.';
comment on column webhooks.installation.drain_seconds is 'How long that gateway delivers in such a request; empty: it wakes workers.';
alter table webhooks.installation enable row level security;
revoke all on webhooks.installation from public, anon, authenticated, service_role;
insert into webhooks.installation default values on conflict do nothing;
