create or replace function webhooks.headers_problem(headers jsonb)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when headers is null then null
        when jsonb_typeof(headers) <> 'object' then 'must be an object such as {"X-Team": "events"}'
        else (
            select string_agg(p.problem, '; ' order by p.problem)
            from (
                select case
                    -- RFC 9110, section 5.6.2: a field name is a token
                    when h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]+$' then format('%L is no header name', h.key)
                    when lower(h.key) ~ '^(webhook-.*|x-webhook-signature|content-type|content-length|content-encoding|host|connection|transfer-encoding|te|trailer|upgrade|expect|user-agent)$' then
                        format('%L is set by the sender', h.key)
                    when jsonb_typeof(h.value) <> 'string' then format('%L must be text', h.key)
                    when h.value #>> '{}' !~ '^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$' then
                        format('the value of %L must be printable ASCII', h.key)
                end as problem
                from jsonb_each(headers) as h (key, value)
            ) as p)
    end
$$;
comment on function webhooks.headers_problem(jsonb) is 'Why an endpoint''s extra headers cannot be sent, or null. Repeats no value.';
revoke all on function webhooks.headers_problem(jsonb) from public, anon, authenticated, service_role;
