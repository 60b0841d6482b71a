create or replace function webhooks.url_problem(url text)
returns text
language plpgsql
stable
-- definer: callers that save an endpoint need no privilege on the table of schemes
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- in this collation, classes of characters are the same on every server
    _url text collate "C" := webhooks.normal_url(url_problem.url);
    _scheme text := split_part(_url, ':', 1);
    _host text collate "C";
    _known webhooks.url_schemes;
begin
    if length(_url) > 2000 then
        return 'the URL has more than 2000 characters';
    end if;
    if _url ~ '[\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ud7b0-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]' then
        return 'the URL contains white space or an invisible character; example: https://example.com/webhooks';
    end if;
    if _url ~ '^[A-Za-z0-9+.-]*://[^/?#]*@' then
        return 'the URL contains a user name or password; put credentials in secret_key, or in the workers'' settings under a credentials_profile';
    end if;
    select s.* into _known from webhooks.url_schemes as s where s.scheme = _scheme;
    if not found and _url !~ '^[A-Za-z][A-Za-z0-9+.-]*://' then
        -- not repeated: a secret may be in the wrong field
        return 'the URL has no scheme, such as https://; example: https://example.com/webhooks';
    end if;
    if _known is null then
        return format('the URL''s scheme %L is not supported (supported: %s); example: https://example.com/webhooks',
            _scheme, (select string_agg(s.scheme, ', ' order by s.scheme) from webhooks.url_schemes as s));
    end if;
    if _url !~ _known.pattern then
        return 'the URL is malformed; example: ' || _known.example;
    end if;
    if _scheme not in ('https', 'http') then
        return case when _url ~ '[?&]([a-z_]+)=[^&]*(&.*)?&\1=' then 'the URL is malformed: a parameter appears twice; example: ' || _known.example end;
    end if;
    _host := substring(_url from '^https?://(\[[^]]*\]|[^:/?]*)');
    if starts_with(_host, '[') then
        begin
            perform btrim(_host, '[]')::inet;
        exception when invalid_text_representation then
            return 'the URL is malformed: its host is not an IPv6 address; example: ' || _known.example;
        end;
    elsif length(_host) > 253 or _host ~ '(^|\.)([^.]*[^.\u0001-\u007f]){9}|(^|\.)[^.]*[^.\u0001-\u007f][^.]{24}|(^|\.)[^.]{24}[^.]*[^.\u0001-\u007f]|^(?=.*[^\u0001-\u007f])(-|[^.]{2}--|.*(_|-\.|\.-|-$|\.[^.]{2}--))' then
        return 'the URL is malformed: its host is too long or has no ASCII form; write an international one in its ASCII form, xn--...';
    end if;
    return null;
end $$;
comment on function webhooks.url_problem(text) is 'Why an endpoint''s URL cannot be delivered to, or null. The same grammar as webhooks/destinations.py.';
revoke all on function webhooks.url_problem(text) from public, anon, authenticated, service_role;
