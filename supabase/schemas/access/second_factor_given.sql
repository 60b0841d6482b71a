create or replace function webhooks.second_factor_given()
returns boolean
language plpgsql
stable
-- definer: users cannot read auth.mfa_factors
security definer
set search_path = pg_catalog, pg_temp
-- an error, rather than no factors, for an owner who may not see the rows
set row_security = off
as $$
declare
    _given boolean := true;
begin
    -- other providers have no such table, and tokens of their own format
    if webhooks.user_claims() ->> 'aal' is distinct from 'aal2' and to_regclass('auth.mfa_factors') is not null then
        execute 'select not exists (
            select from auth.mfa_factors as f where f.user_id = webhooks.user_id() and f.status::text = ''verified'')'
        into _given;
    end if;
    return _given;
end $$;
comment on function webhooks.second_factor_given() is 'Whether the session of the calling user is of the level aal2, or the account has no verified second factor.';
revoke all on function webhooks.second_factor_given() from public, anon, authenticated, service_role;
grant execute on function webhooks.second_factor_given() to authenticated, service_role;
