create or replace function webhooks.app_metadata()
returns jsonb
language plpgsql
stable
-- definer: a request's role cannot read Supabase Auth's tables
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    _claims jsonb := webhooks.user_claims();
    _id uuid := webhooks.user_id();
    -- as JSON, since each version of Supabase Auth has different columns
    _user jsonb;
    _session jsonb;
begin
    if _id is not null and to_regclass('auth.users') is not null then
        execute 'select to_jsonb(u) from auth.users as u where u.id = $1' into _user using _id;
    end if;
    -- each token of Supabase Auth has a session; for Clerk, Auth0 or Firebase, only the token is known
    if _user is null and _claims ->> 'session_id' is null then
        return coalesce(nullif(_claims -> 'app_metadata', 'null'), '{}');
    end if;
    if _user is null or (_user ->> 'banned_until')::timestamptz > now() or _user ->> 'deleted_at' is not null
        or to_regclass('auth.sessions') is null
    then
        return null;
    end if;
    execute 'select to_jsonb(s) from auth.sessions as s where s.id = $1 and s.user_id = $2'
    into _session
    using webhooks.uuid_or_null(_claims ->> 'session_id'), _id;
    if _session is null or (_session ->> 'not_after')::timestamptz <= now() then
        return null;
    end if;
    return coalesce(nullif(_user -> 'raw_app_meta_data', 'null'), '{}');
end $$;
comment on function webhooks.app_metadata() is 'The caller''s app_metadata as Supabase Auth has it now, not as the token says; null once the user has signed out, or was banned or deleted. For another provider''s token: its claim.';
revoke all on function webhooks.app_metadata() from public, anon, authenticated, service_role;
grant execute on function webhooks.app_metadata() to authenticated, service_role;
