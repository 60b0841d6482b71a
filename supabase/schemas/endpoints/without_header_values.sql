create or replace function webhooks.without_header_values(changes jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(changes -> 'headers') = 'object' then jsonb_set(changes, '{headers}', (
            select coalesce(jsonb_object_agg(h.name, '(hidden)'), '{}')
            from jsonb_object_keys(changes -> 'headers') as h (name)))
        else changes
    end
$$;
comment on function webhooks.without_header_values(jsonb) is 'An endpoint''s settings as they may be logged.';
revoke all on function webhooks.without_header_values(jsonb) from public, anon, authenticated, service_role;
