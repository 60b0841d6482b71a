create or replace function webhooks.retry_preset(name text)
returns integer[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if retry_preset.name is null or retry_preset.name not in ('quick', 'standard') then
        raise exception 'unknown retry schedule "%"', coalesce(retry_preset.name, 'null')
            using errcode = '22023', hint = 'quick, standard, or a list of seconds such as [5, 300, 1800].';
    end if;
    return case retry_preset.name
        when 'quick' then '{2,4}'
        -- 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: Standard Webhooks 1.0.0, "Deliverability and reliability"
        when 'standard' then '{5,300,1800,7200,18000,36000,50400,72000,86400}'
    end::integer[];
end $$;
comment on function webhooks.retry_preset(text) is 'The retry_schedule with a name: quick (three attempts within seconds) or standard (ten attempts over three days).';
revoke all on function webhooks.retry_preset(text) from public, anon, authenticated, service_role;
