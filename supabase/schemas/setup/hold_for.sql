create or replace function webhooks.hold_for(project text)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    _row webhooks.installation;
begin
    select i.* into _row from webhooks.installation as i;
    -- the usual case, without a write; a caller that names no project is a person at the SQL editor
    if hold_for.project is null or (_row.project = hold_for.project and _row.held_for is null) then
        return null;
    end if;
    insert into webhooks.installation as i (project) values (hold_for.project)
    on conflict (only_row) do update
    set project = coalesce(i.project, excluded.project),
        held_for = case when i.project <> excluded.project then excluded.project end,
        held_since = case when i.project <> excluded.project then
            case when i.held_for = excluded.project then i.held_since else now() end end
    returning i.* into _row;
    if _row.held_for is null then
        return null;
    end if;
    return jsonb_build_object('project', _row.project, 'held_for', _row.held_for, 'since', _row.held_since);
end $$;
comment on function webhooks.hold_for(text) is 'Null if a project''s workers may claim: the database belongs to the project, or to none yet. Else its project, and since when it is held.';
revoke all on function webhooks.hold_for(text) from public, anon, authenticated, service_role;
