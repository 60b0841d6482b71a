create table if not exists webhooks.expected_policies (
    table_name text not null,
    name text not null,
    command text not null,
    roles name[] not null,
    condition text not null,
    statement text not null,
    primary key (table_name, name)
);
comment on table webhooks.expected_policies is 'The row level security policies of our tables, and the statement that creates each.';
alter table webhooks.expected_policies enable row level security;
revoke all on webhooks.expected_policies from public, anon, authenticated, service_role;
