create or replace function webhooks.made_up_values(type oid, modifier integer)
returns text[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when t.typsubscript = 'array_subscript_handler'::regproc then array['{}', '{null}']
        when t.typtype = 'e' then array(select e.enumlabel::text from pg_enum as e where e.enumtypid = t.oid order by e.enumsortorder)
        when t.typtype in ('r', 'm') then array['empty']
        else case t.typname
            when 'int2' then array['1', '0', '-32768', '32767']
            when 'int4' then array['1', '0', '-2147483648', '2147483647']
            when 'int8' then array['1', '0', '-9223372036854775808', '9223372036854775807']
            when 'numeric' then array['1', '0', 'NaN', 'Infinity', '123456789012345678901234567890.5']
            when 'float4' then array['1', '0', 'NaN', 'Infinity', '-Infinity']
            when 'float8' then array['1', '0', 'NaN', 'Infinity', '-Infinity', '1e308']
            when 'bool' then array['true', 'false']
            when 'uuid' then array['6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11']
            when 'timestamptz' then array['2026-01-29 12:34:56.789+00', 'infinity', '-infinity', '0044-03-15 12:00:00+00 BC']
            when 'timestamp' then array['2026-01-29 12:34:56.789', 'infinity', '0044-03-15 12:00:00 BC']
            when 'date' then array['2026-01-29', 'infinity', '0044-03-15 BC']
            when 'time' then array['12:34:56', '24:00:00']
            when 'interval' then array['1 day', '-1 year']
            when 'bytea' then array['\x61', '\x', '\x00ff']
            when 'inet' then array['192.0.2.1', '::/0']
            when 'json' then array['{}', '[]', '1', '"text"']
            when 'jsonb' then array['{}', '[]', '1', '"text"', 'null']
            when 'varchar' then array['a', '', repeat('é', least(made_up_values.modifier - 4, 1000))]
            when 'bpchar' then array['a', '']
            when 'text' then array['a', '', E'\u0001"\\\u202e\U0001F389', repeat('é', 1000)]
            else array['1', '']
        end
    end
    from pg_type as t
    where t.oid = webhooks.base_type(made_up_values.type)
$$;
comment on function webhooks.made_up_values(oid, integer) is 'Possible values of a type, as text: a usual one first, then the longest and unusual ones.';
revoke all on function webhooks.made_up_values(oid, integer) from public, anon, authenticated, service_role;
