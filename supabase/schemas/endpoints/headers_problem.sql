create or replace function webhooks.headers_problem(headers jsonb, scheme text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when headers is null then null
        when jsonb_typeof(headers) <> 'object' then 'must be an object such as {"X-Team": "events"}'
        -- SQS takes ten attributes: six of ours, and a trace
        when scheme = 'sqs' and (select count(*) from jsonb_object_keys(headers)) > 3 then 'SQS accepts at most 3'
        -- servers commonly reject a head of more than 8 KB
        when (select count(*) > 50 or sum(octet_length(h.key) + octet_length(h.value)) > 4096
              from jsonb_each_text(headers) as h (key, value)) then 'at most 50 are allowed, with 4096 bytes in total'
        else (
            select string_agg(p.problem, '; ' order by p.problem)
            from (
                select case
                    -- RFC 9110, section 5.6.2: a field name is a token
                    -- not repeated: an invalid name often contains the value
                    when h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]+$' then 'a header name is invalid; example: X-Team'
                    when count(*) over (partition by lower(h.key)) > 1 then format('%L appears twice', h.key)
                    when scheme = 'sqs' and h.key !~ '^(?![Aa][Ww][Ss]\.|[Aa][Mm][Aa][Zz][Oo][Nn]\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$'
                        then format('%L is not a valid name of an SQS attribute', h.key)
                    when scheme = 'pubsub' and h.key ~* '^goog' then format('%L is reserved by Google', h.key)
                    when lower(h.key) ~ '^(webhook-.*|x-webhook-signature|content-type|content-length|content-encoding|host|connection|transfer-encoding|te|trailer|upgrade|expect|user-agent)$' then
                        format('%L is set by the system', h.key)
                    when jsonb_typeof(h.value) <> 'string' then format('%L must be text', h.key)
                    when h.value #>> '{}' !~ '^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$' then
                        format('the value of %L must be printable ASCII', h.key)
                    when scheme = 'pubsub' and length(h.value #>> '{}') > 1024 then format('the value of %L is too long', h.key)
                end as problem
                from jsonb_each(headers) as h (key, value)
            ) as p)
    end
$$;
comment on function webhooks.headers_problem(jsonb, text) is 'Why an endpoint''s extra headers cannot be sent by its protocol, or null. Contains no value.';
revoke all on function webhooks.headers_problem(jsonb, text) from public, anon, authenticated, service_role;
