create or replace function public.webhook_row_numbers(how_many integer)
returns setof integer
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return query select n from generate_series(1, least(how_many, 10000)) as n;
end $$;
comment on function public.webhook_row_numbers(integer) is 'Returns the given number of rows: `webhooks doctor` uses it to find out how many the REST API returns at most (max rows).';
revoke all on function public.webhook_row_numbers(integer) from public, anon, authenticated, service_role;
grant execute on function public.webhook_row_numbers(integer) to service_role;
