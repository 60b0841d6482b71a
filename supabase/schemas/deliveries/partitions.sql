create or replace view webhooks.partitions as
select i.parent, c.relname::text as name, c.oid as id,
       -- of the first and the last partition null
       (regexp_match(i.bound, 'FROM \(''([^'']+)'''))[1]::timestamptz as begins,
       (regexp_match(i.bound, 'TO \(''([^'']+)'''))[1]::timestamptz as ends,
       greatest(c.reltuples, 0)::bigint as estimated_rows
from (
    select p.relname::text as parent, h.inhrelid, pg_get_expr(l.relpartbound, l.oid) as bound
    from pg_inherits as h
    join pg_class as l on l.oid = h.inhrelid
    join pg_class as p on p.oid = h.inhparent
    where p.relkind = 'p' and p.relnamespace = 'public'::regnamespace
      and p.relname in ('webhook_deliveries', 'webhook_attempts')
) as i
join pg_class as c on c.oid = i.inhrelid;
comment on view webhooks.partitions is 'The partitions of history, by table; none where it is not partitioned.';
revoke all on webhooks.partitions from public, anon, authenticated, service_role;
