create or replace function webhooks.without_comments(source text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select regexp_replace(regexp_replace(source, '/\*.*?\*/', ' ', 'g'), '--[^\n]*', ' ', 'g')
$$;
comment on function webhooks.without_comments(text) is 'SQL without its comments.';
revoke all on function webhooks.without_comments(text) from public, anon, authenticated, service_role;
