create table if not exists webhooks.url_schemes (
    scheme text primary key check (scheme ~ '^[a-z][a-z0-9+.-]*$'),
    pattern text not null,
    example text not null,
    constraint url_schemes_example_matches check (example ~ pattern)
);
comment on table webhooks.url_schemes is 'The schemes of endpoint URLs. The workers need an adapter for each; webhooks/destinations.py parses the first five.';
comment on column webhooks.url_schemes.pattern is 'A regular expression for a whole URL, the same as GRAMMAR in webhooks/destinations.py.';
comment on column webhooks.url_schemes.example is 'An example URL, shown in errors.';
alter table webhooks.url_schemes enable row level security;
revoke all on webhooks.url_schemes from public, anon, authenticated, service_role;

insert into webhooks.url_schemes (scheme, pattern, example) values
('https', '^https://(\[[0-9A-Fa-f:]+\]|([A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.)*[A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.?)(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?([/?][^#]*)?$',
 'https://example.com/webhooks'),
('http', '^http://(\[[0-9A-Fa-f:]+\]|([A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.)*[A-Za-z0-9_\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3-]{1,63}\.?)(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?([/?][^#]*)?$',
 'http://localhost:8000/webhooks'),
('sqs', '^sqs://(([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?/[0-9]{12}/)?[A-Za-z0-9_-]{1,80}(\.fifo)?\?(endpoint_url=https?://([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?(/[A-Za-z0-9._~/-]*)?&)?region=[a-z0-9-]+(&endpoint_url=https?://([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?(/[A-Za-z0-9._~/-]*)?)?$',
 'sqs://my-queue?region=us-east-1'),
('pubsub', '^pubsub://[a-z][a-z0-9.:-]{4,61}[a-z0-9]/[A-Za-z][A-Za-z0-9._~+%-]{2,254}(\?ordering_key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)?$',
 'pubsub://my-project/my-topic'),
('kafka', '^kafka://([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?(,([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?)*/[A-Za-z0-9._-]{1,249}(\?(key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*|tls=true|tls=false|sasl=PLAIN|sasl=SCRAM-SHA-256|sasl=SCRAM-SHA-512)(&(key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*|tls=true|tls=false|sasl=PLAIN|sasl=SCRAM-SHA-256|sasl=SCRAM-SHA-512))*)?$',
 'kafka://broker:9092/my-topic')
on conflict (scheme) do nothing;
