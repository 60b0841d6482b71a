create or replace function webhooks.mentions(source text, schema_name text, object_name text)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    -- by its name alone, or after its schema's name, but not after another's: auth.users is not public.users
    select source ~* format('(^|[^.\w"])("?%s"?\.)?"?%s"?($|[^\w"])',
                            regexp_replace(schema_name, '\W', '.', 'g'), regexp_replace(object_name, '\W', '.', 'g'))
$$;
comment on function webhooks.mentions(text, text, text) is 'Whether SQL names an object.';
revoke all on function webhooks.mentions(text, text, text) from public, anon, authenticated, service_role;
