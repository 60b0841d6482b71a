"""Any payload that the database holds is shown and sent with every digit, and as deep as it is."""

from __future__ import annotations

import html
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.receiver import Receiver, Reply
from supabase_webhooks.webhooks.exact import compact
from tests.cli.conftest import run
from tests.e2e.conftest import JOINED
from tests.e2e.dashboard.conftest import SESSION_SECRET, Site, token
from tests.e2e.proxy import Proxy

if TYPE_CHECKING:
    from tests.e2e.conftest import System

#: Numbers that a float, JavaScript or Python's int would change or not read, as Postgres prints them.
NUMBERS = {
    "2^53+1": "9007199254740993",
    "a price": "1.10",
    "beyond a double": "1" + "0" * 400,
    "a fraction": "0." + "0" * 300 + "123456789012345678901234567890",
    "a thousand digits": "7" * 999,
}
#: What dispatch rejects today, and rows of before may hold.
OLD = {"5,001 digits": "7" * 5001, "131,072 digits": "7" * 131_072, "3,000 levels": '{"a": ' * 3000 + "1" + "}" * 3000}


@pytest.fixture
def site(system: System) -> Site:
    """A dashboard, with the admin API."""
    return Site(system)


@pytest.mark.parametrize("value", [*NUMBERS.values(), *OLD.values()], ids=[*NUMBERS, *OLD])
def test_every_payload_is_shown_and_sent(site: Site, value: str) -> None:
    """By the API, the dashboard and the command line; by a worker, and again by a replay."""
    system = site.system
    key = {"Authorization": f"Bearer {system.supabase.keys.secret}"}
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        row = system.db.execute(
            "update public.webhook_deliveries set payload = jsonb_build_object('n', %s::jsonb)"
            " returning id, payload::text",
            (value,),
        ).fetchone()
        assert row is not None
        delivery, text = str(row["id"]), row["payload"]
        assert value in text

        # shown
        shown = httpx.get(f"{site.url}/api/v1/deliveries/{delivery}", headers=key, trust_env=False)
        assert (shown.status_code, shown.json()["body"]) == (200, text)
        admin = site.admin()
        for path in ("/deliveries", f"/deliveries/{delivery}", f"/deliveries/{delivery}/state"):
            assert admin.get(path).status_code == 200
        page = html.unescape(admin.get(f"/deliveries/{delivery}").text)
        assert compact(text) in page
        assert "".join(value.split()) in "".join(page.split())
        told = run("deliveries", "show", delivery, variables=system.settings())
        assert (told.code, told.err) == (0, "Project 127.0.0.1\n")
        assert "".join(value.split()) in "".join(told.out.split())
        told = run("deliveries", "show", delivery, "--json", variables=system.settings())
        assert told.code == 0
        assert "".join(f'"payload":{text}'.split()) in "".join(told.out.split())

        # sent, and again
        system.worker()
        system.wait_for_status("delivered", 1)
        again = run("deliveries", "replay", "--status", "delivered", "--yes", "--json", variables=system.settings())
        assert again.json["replayed"] == 1
        assert [request.body.decode() for request in receiver.wait_for(2)] == [compact(text)] * 2


def test_every_number_that_is_dispatched_is_kept(site: Site) -> None:
    """By the API, the dashboard's form and the command line: seen on the wire, as Supabase Lite itself rounds."""
    with Proxy(site.system.supabase.url) as proxy:
        variables = site.system.settings(SUPABASE_URL=proxy.url, WEBHOOKS_SESSION_SECRET=SESSION_SECRET)
        site.system.endpoint("https://example.com/")
        site.url = site.system.gateway(**variables).url
        key = {"Authorization": f"Bearer {site.system.supabase.keys.secret}"}
        admin = site.admin()
        csrf = token(admin, "/events")
        for number in NUMBERS.values():
            proxy.sent.clear()
            data = json.dumps(JOINED)[:-1] + f', "n": {number}}}'
            body = f'{{"event_type": "user.joined_community", "event_data": {data}}}'
            url, headers = f"{site.url}/api/v1/events", {**key, "Content-Type": "application/json"}
            assert httpx.post(url, headers=headers, content=body, trust_env=False).status_code == 202
            form = {"_csrf_token": csrf, "event_type": "user.joined_community", "event_data": data}
            assert admin.post("/events/dispatch", data=form).status_code == 303
            assert run("dispatch", "user.joined_community", "--data", data, variables=variables).code == 0
            assert [_number(sent, "n") for sent in proxy.sent if b'"n":' in sent] == [Decimal(number)] * 3


@pytest.mark.parametrize("number", [*NUMBERS.values(), "7" * 5001], ids=[*NUMBERS, "5,001 digits"])
def test_the_catalogs_numbers_are_shown(site: Site, number: str) -> None:
    """As PostgREST responds with them."""
    row = '[{"name":"order.paid","description":"d","analytics_destination":null,"data_schema":{},"example":{"n":%s}}]'
    reply = Reply(200, (row % number).encode(), {"Content-Type": "application/json"})
    with Proxy(site.system.supabase.url) as proxy:
        proxy.refuse("/rest/v1/webhook_event_types", reply, 600)
        variables = site.system.settings(SUPABASE_URL=proxy.url, WEBHOOKS_SESSION_SECRET=SESSION_SECRET)
        site.url = site.system.gateway(**variables).url
        key = {"Authorization": f"Bearer {site.system.supabase.keys.secret}"}
        shown = [
            httpx.get(f"{site.url}/api/v1/events", headers=key, trust_env=False).text,
            html.unescape(site.admin().get("/events").text),
            run("events", "show", "order.paid", "--json", variables=variables).out,
        ]
    assert [_number(text.encode(), "n") for text in shown] == [Decimal(number)] * 3


def _number(text: bytes, key: str) -> Decimal:
    """Return the number that stands after a key."""
    found = re.search(rb'"%b": ?([0-9.eE+-]+)' % key.encode(), text)
    assert found, text[:500]
    return Decimal(found[1].decode())
