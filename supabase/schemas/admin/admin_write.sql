create or replace function webhooks.admin_write(action text, arguments jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    case action
        when 'create_endpoint' then
            return webhooks.create_webhook_endpoint(arguments -> 'settings');
        when 'update_endpoint' then
            return webhooks.update_webhook_endpoint((arguments ->> 'webhook_config_id')::uuid, arguments -> 'changes');
        when 'delete_endpoint' then
            return webhooks.delete_webhook_endpoint(
                (arguments ->> 'webhook_config_id')::uuid,
                coalesce((arguments ->> 'keep_history')::boolean, true));
        when 'rotate_secret' then
            return webhooks.rotate_webhook_secret(
                (arguments ->> 'webhook_config_id')::uuid,
                make_interval(secs => coalesce((arguments ->> 'overlap_seconds')::double precision, 86400)));
        when 'send_test' then
            return webhooks.send_test_webhook((arguments ->> 'webhook_config_id')::uuid, arguments ->> 'event_type');
        when 'end_secret_overlap' then
            return webhooks.end_webhook_secret_overlap((arguments ->> 'webhook_config_id')::uuid);
        when 'retry_many' then
            return webhooks.retry_webhook_deliveries(
                case when arguments ? 'delivery_ids' then
                    array(select i::uuid from jsonb_array_elements_text(arguments -> 'delivery_ids') as i) end,
                (arguments ->> 'webhook_config_id')::uuid,
                coalesce((arguments ->> 'at_most')::integer, 1000));
        when 'skip_many' then
            return webhooks.skip_webhook_deliveries(
                array(select i::uuid from jsonb_array_elements_text(arguments -> 'delivery_ids') as i));
        when 'retry_trigger_errors' then
            return webhooks.retry_webhook_trigger_errors(
                case when jsonb_typeof(arguments -> 'ids') = 'array' then
                    array(select i::uuid from jsonb_array_elements_text(arguments -> 'ids') as i) end);
        when 'retry' then
            return webhooks.retry_webhook_delivery((arguments ->> 'delivery_id')::uuid);
        when 'replay' then
            return webhooks.replay_webhook_deliveries(
                (arguments ->> 'webhook_config_id')::uuid,
                (arguments ->> 'created_from')::timestamptz,
                (arguments ->> 'created_until')::timestamptz,
                arguments ->> 'event_type',
                coalesce(arguments ->> 'status', 'failed'),
                coalesce((arguments ->> 'dry_run')::boolean, true),
                coalesce((arguments ->> 'at_most')::integer, 1000),
                (arguments ->> 'after_created_at')::timestamptz,
                (arguments ->> 'after_id')::uuid);
        when 'dispatch' then
            perform webhooks.log_action('dispatch', null, null, jsonb_build_object('event_type', arguments ->> 'event_type'));
            if webhooks.user_sub() is null and webhooks.caller() <> 'authenticated' then
                return webhooks.emit(
                    arguments ->> 'event_type', arguments -> 'event_data', (arguments ->> 'actor_user_id')::uuid, null,
                    'admin', null, arguments ->> 'tenant_id');
            end if;
            if arguments ->> 'actor_user_id' is not null
                and (arguments ->> 'actor_user_id')::uuid is distinct from webhooks.user_id()
                or arguments ->> 'tenant_id' is not null then
                raise exception 'only servers and API tokens can name another actor or a tenant'
                    using errcode = '42501', hint = 'Leave both out: you are the actor.';
            end if;
            return webhooks.emit(arguments ->> 'event_type', arguments -> 'event_data', webhooks.user_id(), null, 'admin');
        when 'create_token' then
            return webhooks.create_webhook_api_token(
                arguments ->> 'name',
                array(select jsonb_array_elements_text(arguments -> 'scopes')),
                (arguments ->> 'expires_after')::interval);
        when 'revoke_token' then
            return webhooks.revoke_webhook_api_token((arguments ->> 'token_id')::uuid);
        else
            raise exception 'unknown admin action %', action using errcode = '22023';
    end case;
end $$;
comment on function webhooks.admin_write(text, jsonb) is 'Does one write of the admin API.';
revoke all on function webhooks.admin_write(text, jsonb) from public, anon, authenticated, service_role;
