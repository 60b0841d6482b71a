-- pg_net's http_post: its signature and its checks; the request is recorded in its queue, and nothing is sent.
-- Checked against supabase/pg_net (sql/pg_net.sql) and the grants that supabase/postgres gives on `create extension`.

create schema net authorization supabase_admin;
grant usage on schema net to public;

create table net.http_request_queue (
    id bigserial,
    method text not null,
    url text not null,
    headers jsonb,
    body bytea,
    timeout_milliseconds int not null
);
grant all on net.http_request_queue to public;
grant all on sequence net.http_request_queue_id_seq to public;

create function net.http_post(
    url text,
    body jsonb default '{}'::jsonb,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
    timeout_milliseconds int default 5000
) returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
    _id bigint;
begin
    -- pg_net sends JSON and nothing else
    if exists (
        select from jsonb_each_text(headers) as h (name, value)
        where lower(h.name) = 'content-type' and h.value <> 'application/json'
    ) then
        raise exception 'Content-Type header must be "application/json"';
    end if;
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values ('POST', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds)
    returning id into _id;
    return _id;
end $$;
