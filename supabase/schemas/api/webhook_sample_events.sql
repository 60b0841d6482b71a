create or replace function public.webhook_sample_events(source text, columns text[], actor text default null)
returns jsonb
language plpgsql
stable
-- invoker, and nothing behind it: it reads the app's table with the caller's own grants and policies
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _table regclass;
    _list text;
    _rows jsonb;
    _closed constant text := 'Your account may not read this table: being a webhook admin gives no access to the app''s rows.';
begin
    perform webhooks.check_admin();
    begin
        _table := to_regclass(webhook_sample_events.source);
    exception when others then
        _table := null;
    end;
    if coalesce(cardinality(webhook_sample_events.columns), 0) = 0 then
        raise exception 'a sample needs columns' using errcode = '22023', hint = 'For example {id,name}.';
    end if;
    -- to someone without the right to use its schema, a table is not there
    if _table is null then
        return jsonb_build_object('rows', '[]'::jsonb, 'problem', _closed);
    end if;
    select string_agg(format('%L, to_jsonb(r) -> %L', c.name, c.name), ', ') into _list
    from unnest(webhook_sample_events.columns) as c (name);
    begin
        -- data as text: a number with many digits must reach the page as it is sent
        execute format(
            'select coalesce(jsonb_agg(jsonb_build_object(''data'', jsonb_build_object(%s)::text, ''actor'', to_jsonb(r) ->> %L)), ''[]'')'
            ' from (select * from %s limit 3) as r',
            _list, webhook_sample_events.actor, _table)
        into _rows;
    exception
        when insufficient_privilege then
            return jsonb_build_object('rows', '[]'::jsonb, 'problem', _closed);
        -- a view, or a policy, that fails
        when others then
            return jsonb_build_object('rows', '[]'::jsonb, 'problem', 'The table could not be read: ' || sqlerrm || '.');
    end;
    return jsonb_build_object('rows', _rows, 'problem', case when _rows = '[]' then
        'The table has no rows, or none that your account may read.' end);
end $$;
comment on function public.webhook_sample_events(text, text[], text) is 'Up to three rows of a table as webhook_attach would send them, read with the caller''s own rights: {"rows": [{"data" (JSON as text), "actor"}], "problem"}. Rows that row level security hides from the caller are not among them.';
revoke all on function public.webhook_sample_events(text, text[], text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_sample_events(text, text[], text) to authenticated, service_role;
