create table if not exists webhooks.url_schemes (
    scheme text primary key check (scheme ~ '^[a-z][a-z0-9+.-]*$'),
    pattern text not null,
    example text not null,
    constraint url_schemes_example_matches check (example ~ pattern)
);
comment on table webhooks.url_schemes is 'The schemes of endpoint URLs. The workers need an adapter for each; webhooks/destinations.py parses the first five.';
comment on column webhooks.url_schemes.pattern is 'A regular expression for a whole URL. It finds typing errors; the adapter''s parser has the last word.';
comment on column webhooks.url_schemes.example is 'A right URL, shown in errors.';
alter table webhooks.url_schemes enable row level security;
revoke all on webhooks.url_schemes from public, anon, authenticated, service_role;

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
