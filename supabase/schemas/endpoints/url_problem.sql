create or replace function webhooks.url_problem(url text)
returns text
language plpgsql
stable
-- definer: whoever saves an endpoint needs no privilege on the table of schemes
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _known webhooks.url_schemes;
begin
    if url ~ '^[A-Za-z0-9+.-]*://[^/?#]*@' then
        return 'the URL carries a user name or password; put credentials in secret_key, or in the workers'' settings under a credentials_profile';
    end if;
    select s.* into _known from webhooks.url_schemes as s where s.scheme = split_part(url_problem.url, ':', 1);
    if not found then
        return format('the URL''s scheme %L is not supported (supported: %s); a right one is https://example.com/webhooks',
            split_part(url_problem.url, ':', 1), (select string_agg(s.scheme, ', ' order by s.scheme) from webhooks.url_schemes as s));
    end if;
    if url !~ _known.pattern or (url !~ '^https?:' and url ~ '[?&]([a-z_]+)=[^&]*(&.*)?&\1=') then
        return 'the URL is malformed; a right one is ' || _known.example;
    end if;
    return null;
end $$;
comment on function webhooks.url_problem(text) is 'Why an endpoint''s URL cannot be delivered to, or null. Mirrors webhooks/destinations.py.';
revoke all on function webhooks.url_problem(text) from public, anon, authenticated, service_role;
