create or replace function webhooks.bare_condition(condition text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- as written, and as Postgres shows it, with parentheses and its own alias
    select lower(regexp_replace(condition, '\s+as\s+\w+|[\s()]', '', 'gi'))
$$;
comment on function webhooks.bare_condition(text) is 'A policy''s condition, normalized so that the written form equals the form that Postgres shows.';
revoke all on function webhooks.bare_condition(text) from public, anon, authenticated, service_role;
