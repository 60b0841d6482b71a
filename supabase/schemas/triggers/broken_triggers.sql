-- What would lose events from the next change on: found before it happens, by planning each query without running it.
create or replace function webhooks.broken_triggers()
returns jsonb
language plpgsql
stable
-- definer: behind public.webhook_diagnosis, which checks the caller
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _trigger record;
    _problem text;
    _broken jsonb := '[]';
begin
    for _trigger in select t.* from public.webhook_triggers as t where t.enabled order by t.source::text, t.event_type loop
        _problem := case
            when not exists (select from pg_class as c where c.oid = _trigger.source) then 'the table was dropped'
            when not exists (
                select from pg_trigger as g
                where g.tgrelid = _trigger.source and g.tgname = _trigger.trigger_name and g.tgenabled in ('O', 'A')
            ) then format('the trigger %s was dropped or disabled', _trigger.trigger_name)
        end;
        -- the query has the expressions of virtual columns as they were when it was attached
        _problem := coalesce(_problem, (
            select format('the expression of the column %s has changed', string_agg(a.attname, ', '))
            from pg_attribute as a
            join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where a.attrelid = _trigger.source and a.attgenerated = 'v'
              and strpos(_trigger.query, pg_get_expr(d.adbin, d.adrelid)) = 0
            having count(*) > 0));
        if _problem is null then
            begin
                execute format('with new_rows as (select * from %1$s limit 0), old_rows as (select * from %1$s limit 0) %2$s',
                               _trigger.source, _trigger.query);
            exception when others then
                _problem := sqlerrm;
            end;
        end if;
        if _problem is not null then
            _broken := _broken || jsonb_build_object(
                'source', _trigger.source::text, 'event_type', _trigger.event_type, 'operation', _trigger.operation,
                'problem', _problem);
        end if;
    end loop;
    return _broken;
end $$;
comment on function webhooks.broken_triggers() is 'The attached triggers that currently cannot emit, each with its problem: a list of {"source", "event_type", "operation", "problem"}.';
revoke all on function webhooks.broken_triggers() from public, anon, authenticated, service_role;
