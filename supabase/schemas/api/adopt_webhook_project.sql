create or replace function public.adopt_webhook_project(
    project text,
    pending text,
    batch_size integer default 1000
)
returns jsonb
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform webhooks.check_server();
    return webhooks.adopt_webhook_project(
        adopt_webhook_project.project, adopt_webhook_project.pending, adopt_webhook_project.batch_size);
end $$;
comment on function public.adopt_webhook_project(text, text, integer) is 'Confirms that this database now belongs to a project, whose workers then deliver. pending: deliver or discard pending deliveries (batch_size rows a call: call it again while "more" is true).';
revoke all on function public.adopt_webhook_project(text, text, integer) from public, anon, authenticated, service_role;
grant execute on function public.adopt_webhook_project(text, text, integer) to service_role;
