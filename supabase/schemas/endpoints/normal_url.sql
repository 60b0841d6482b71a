create or replace function webhooks.normal_url(url text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(lower(u.parts[1] collate "C") || u.parts[2], u.trimmed)
    from (
        select t.trimmed, regexp_match(t.trimmed, '^([A-Za-z0-9+.-]*:)(.*)$') as parts
        from (select btrim(normal_url.url, E' \t\n\r\f\v') as trimmed) as t
    ) as u
$$;
comment on function webhooks.normal_url(text) is 'A URL without the space around it, and with its scheme in lower case.';
revoke all on function webhooks.normal_url(text) from public, anon, authenticated, service_role;
