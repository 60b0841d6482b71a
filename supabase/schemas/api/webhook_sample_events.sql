create or replace function public.webhook_sample_events(source text, columns text[], actor text default null)
returns jsonb
language plpgsql
stable
-- invoker: it reads the app's table with the caller's own grants and policies
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    _sql text;
    _read integer;
    _rows jsonb := '[]';
    _problem text;
begin
    perform webhooks.check_admin();
    _sql := webhooks.sample_sql(webhook_sample_events.source, webhook_sample_events.columns, webhook_sample_events.actor);
    begin
        -- of auth.users nothing, whatever a restore has granted: REST does not expose its schema, nor does this
        if webhook_sample_events.source not like 'public.%' then
            raise insufficient_privilege;
        end if;
        -- as it is for REST: the app's policies may call functions that do not pin their own
        perform set_config('search_path', 'public, extensions', true);
        execute format(
            'select count(*), coalesce(jsonb_agg(s.event) filter (where octet_length(s.event::text) <= 262144), ''[]'')'
            ' from (%s) as s (event)', _sql)
        into _read, _rows;
        _problem := case
            when _read = 0 then 'The table has no rows, or none that you can read.'
            when jsonb_array_length(_rows) < _read then 'Some of its rows are larger than an event can be (256 KB).'
        end;
    exception
        when insufficient_privilege then
            _problem := 'You cannot read this table: being a webhook admin gives no access to its rows.';
        -- a policy that fails, for example
        when others then
            _problem := format('The table cannot be read: %s.', sqlerrm);
    end;
    return jsonb_build_object('rows', _rows, 'problem', _problem);
end $$;
comment on function public.webhook_sample_events(text, text[], text) is 'The last rows of a table, three at most, as webhook_attach would send them: {"rows": [{"data", "actor"}], "problem"}. Read with the caller''s own rights: without a grant there are none, and row level security hides what it hides. source: a table as webhook_tables names it; columns: what data has; actor: the column of the user.';
revoke all on function public.webhook_sample_events(text, text[], text) from public, anon, authenticated, service_role;
grant execute on function public.webhook_sample_events(text, text[], text) to authenticated, service_role;
