create or replace function webhooks.where_credentials_go(url text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select substring(where_credentials_go.url from '^[^:]+://[^/?#]*') || case
        when where_credentials_go.url ~ '^https?:' then ''
        -- of a queue, its parameters lead elsewhere too (endpoint_url, tls, sasl): all but those that choose a payload field
        else '?' || coalesce((
            select string_agg(p.parameter, '&' order by p.parameter collate "C")
            from regexp_split_to_table(substring(where_credentials_go.url from '\?([^#]*)'), '&') as p (parameter)
            where p.parameter !~ '^(key|ordering_key)='), '')
    end
$$;
comment on function webhooks.where_credentials_go(text) is 'The parts of an endpoint''s URL that decide who receives its headers and credentials: scheme, host and port, and of a queue its parameters.';
revoke all on function webhooks.where_credentials_go(text) from public, anon, authenticated, service_role;
