create or replace function webhooks.bare_condition(condition text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- as written, and as Postgres shows it: with parentheses and an alias of its own
    select lower(regexp_replace(condition, '\s+as\s+\w+|[\s()]', '', 'gi'))
$$;
comment on function webhooks.bare_condition(text) is 'A policy''s condition without what differs between how it is written and how Postgres shows it.';
revoke all on function webhooks.bare_condition(text) from public, anon, authenticated, service_role;
