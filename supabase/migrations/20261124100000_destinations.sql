-- Endpoints beside HTTP: queues of Amazon SQS, topics of Google Pub/Sub and of Kafka, reached with credentials that
-- the workers hold under a name. The grammar of URLs becomes a table, to which a third party's scheme is one row.

alter table public.webhook_configurations add column if not exists credentials_profile text;
comment on column public.webhook_configurations.credentials_profile is 'The name of an entry of the workers'' WEBHOOKS_CREDENTIALS; empty: what the SDK finds by itself. Never a credential.';
comment on column public.webhook_configurations.url is 'Where deliveries go: https://host/path, sqs://queue?region=..., pubsub://project/topic or kafka://broker:9092/topic. Never put a password in it.';
comment on column public.webhook_deliveries.response_body is 'The last response, its first 1,000 characters; of a queue, what its broker acknowledged.';
comment on column public.webhook_attempts.response_excerpt is 'The response''s first 1,000 characters; of a queue, what its broker acknowledged: the message id, or partition and offset.';
grant select (credentials_profile) on public.webhook_configurations to authenticated;

create table if not exists webhooks.url_schemes (
    scheme text primary key check (scheme ~ '^[a-z][a-z0-9+.-]*$'),
    pattern text not null,
    example text not null,
    constraint url_schemes_example_matches check (example ~ pattern)
);
comment on table webhooks.url_schemes is 'The schemes of endpoint URLs. The workers need an adapter for each; webhooks/destinations.py parses the first five.';
comment on column webhooks.url_schemes.pattern is 'A regular expression for a whole URL. It finds typing errors; the adapter''s parser has the last word.';
comment on column webhooks.url_schemes.example is 'A right URL, shown in errors.';
insert into webhooks.url_schemes (scheme, pattern, example) values
('https', '^https://(\[[0-9A-Fa-f:.]+\]|[^]:/?#@\\%<>"[:space:][]+)(:[0-9]{1,5})?([/?][^[:space:]#]*)?$',
 'https://example.com/webhooks'),
('http', '^http://(\[[0-9A-Fa-f:.]+\]|[^]:/?#@\\%<>"[:space:][]+)(:[0-9]{1,5})?([/?][^[:space:]#]*)?$',
 'http://localhost:8000/webhooks'),
('sqs', '^sqs://([A-Za-z0-9.-]+(:[0-9]{1,5})?/[0-9]{12}/)?[A-Za-z0-9_-]{1,80}(\.fifo)?\?(endpoint_url=https?://[^[:space:]&#@]+&)?region=[a-z0-9-]+(&endpoint_url=https?://[^[:space:]&#@]+)?$',
 'sqs://my-queue?region=us-east-1'),
('pubsub', '^pubsub://[a-z][a-z0-9.:-]{4,61}[a-z0-9]/[A-Za-z][A-Za-z0-9._~+%-]{2,254}(\?ordering_key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)?$',
 'pubsub://my-project/my-topic'),
('kafka', '^kafka://[A-Za-z0-9.-]+(:[0-9]{1,5})?(,[A-Za-z0-9.-]+(:[0-9]{1,5})?)*/[A-Za-z0-9._-]{1,249}(\?(key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*|tls=true|tls=false|sasl=PLAIN|sasl=SCRAM-SHA-256|sasl=SCRAM-SHA-512)(&(key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*|tls=true|tls=false|sasl=PLAIN|sasl=SCRAM-SHA-256|sasl=SCRAM-SHA-512))*)?$',
 'kafka://broker:9092/my-topic')
on conflict (scheme) do nothing;
alter table webhooks.url_schemes enable row level security;
revoke all on webhooks.url_schemes from public, anon, authenticated;

create or replace function webhooks.url_problem(url text)
returns text
language plpgsql
stable
-- definer: whoever saves an endpoint needs no privilege on the table of schemes
security definer
set search_path = ''
as $$
declare
    _known webhooks.url_schemes;
begin
    if url ~ '^[A-Za-z0-9+.-]*://[^/?#]*@' then
        return 'the URL carries a user name or password; put credentials in secret_key, or in the workers'' settings under a credentials_profile';
    end if;
    select s.* into _known from webhooks.url_schemes as s where s.scheme = split_part(url_problem.url, ':', 1);
    if not found then
        return format('the URL''s scheme %L is not supported (supported: %s); a right one is https://example.com/webhooks',
            split_part(url_problem.url, ':', 1), (select string_agg(s.scheme, ', ' order by s.scheme) from webhooks.url_schemes as s));
    end if;
    if url !~ _known.pattern or (url !~ '^https?:' and url ~ '[?&]([a-z_]+)=[^&]*(&.*)?&\1=') then
        return 'the URL is malformed; a right one is ' || _known.example;
    end if;
    return null;
end $$;
comment on function webhooks.url_problem(text) is 'Why an endpoint''s URL cannot be delivered to, or null. Mirrors webhooks/destinations.py.';
