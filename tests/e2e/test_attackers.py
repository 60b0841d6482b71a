"""The database as an attacker sees it: each table, view and function, with each kind of key, over REST.

Three times: as migrated; dumped and restored into a project with Supabase's default privileges; and after everything
was granted to anon and authenticated on purpose.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from devstack.admins import Account, make_admin
from devstack.postgres import PROGRAMS
from devstack.supabase_lite import migrate
from supabase_webhooks.webhooks.tokens import digest
from tests.conftest import emptied, quiet
from tests.e2e.conftest import JOINED, System
from tests.hosted.dump import DEFAULT_PRIVILEGES, GRANTED, dump, restore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devstack.postgres import Postgres
    from devstack.valkey import Valkey

#: `user` has dispatched the event that is there, `other` has done nothing.
ROLES = ("anon", "user", "other", "admin", "service")

#: What each role may do with a relation: r reads rows, i inserts, u updates, d deletes. Who is not named may nothing.
#: Rows that row level security hides are not read; columns such as secret_key have tests of their own below. Of the
#: service role also t, f, g: to truncate, refer to, and make triggers on a table.
RELATIONS = {
    "webhook_admin_actions": {"admin": "r", "service": "r"},
    "webhook_alert_notices": {"admin": "r", "service": "r"},
    "webhook_alerts": {"admin": "r", "service": "r"},
    "webhook_attempts": {"admin": "r", "service": "riud"},
    "webhook_circuits": {"admin": "r", "service": "r"},
    "webhook_configurations": {"admin": "r", "service": "riud"},
    "webhook_deliveries": {"admin": "r", "service": "riud"},
    "webhook_delivery_overview": {"admin": "r", "service": "r"},
    "webhook_dispatcher_runs": {"admin": "r", "service": "riud"},
    "webhook_event_types": {"user": "r", "other": "r", "admin": "r", "service": "riud"},
    "webhook_tenant_limits": {"admin": "r", "service": "riud"},
    "webhook_trigger_errors": {"admin": "r", "service": "rd"},
    "webhook_triggers": {"admin": "r", "service": "r"},
}

#: Functions that any signed-in user may call; of the others, those that check for themselves that an admin calls.
FOR_USERS = {"dispatch_webhook", "is_webhook_admin", "is_webhook_viewer", "webhook_role", "webhook_tenants"}
FOR_ADMINS = {
    "claim_for_webhook_listener", "create_webhook_api_token", "create_webhook_endpoint", "end_webhook_secret_overlap",
    "erase_webhook_payloads",
    "get_webhook_delivery", "list_webhook_api_tokens", "list_webhook_endpoints", "record_for_webhook_listener",
    "replay_webhook_deliveries", "retry_webhook_deliveries", "retry_webhook_delivery", "retry_webhook_trigger_errors",
    "revoke_webhook_api_token", "rotate_webhook_secret", "search_webhook_deliveries", "send_test_webhook",
    "skip_webhook_deliveries", "start_webhook_listener", "stop_webhook_listener", "update_webhook_endpoint",
    "webhook_admin_check", "webhook_admin_write", "webhook_figures", "webhook_histogram", "webhook_overview",
    "webhook_sample_events", "webhook_series", "webhook_tables",
}  # fmt: skip

#: Functions that create and drop triggers as the owner of the tables: granted to no role.
FOR_THE_OWNER = {
    "install_platform_webhooks", "uninstall_platform_webhooks", "webhook_attach", "webhook_detach", "webhook_reattach",
}  # fmt: skip

#: What PostgREST returns without permission: no key or role, no privilege, or nothing that this role can see.
REFUSED = {401, 403, 404}

OURS = "n.nspname = 'public' and {} like '%%webhook%%'"


class World:
    """A system with a row in each table, and a client for each role."""

    def __init__(self, system: System, resources: ExitStack, past: str) -> None:
        self.system = system
        #: Whether the privileges are those of the migrations; else any may have been granted.
        self.granted = past != "migrated"
        self.clients: dict[str, httpx.Client] = {}
        self.users: dict[str, str] = {}
        for role in ROLES:
            self.enter(role, resources)
        self._fill()

    def enter(self, role: str, resources: ExitStack) -> None:
        """Sign a role in, and keep a client for it."""
        supabase = self.system.supabase
        key, url = supabase.keys.secret if role == "service" else supabase.keys.publishable, supabase.url
        client = httpx.Client(base_url=f"{url}/rest/v1", headers={"apikey": key}, trust_env=False, timeout=30)
        self.clients[role] = resources.enter_context(client)
        if role in {"anon", "service"}:
            return
        account = {"email": f"{role}@example.com", "password": "a long password"}
        with httpx.Client(base_url=f"{url}/auth/v1", headers={"apikey": key}, trust_env=False) as auth:
            if role not in self.users:
                auth.post("/signup", json=account).raise_for_status()
            if role == "admin":
                make_admin(supabase, Account(**account))
            params = {"grant_type": "password"}
            response = auth.post("/token", params=params, json=account).raise_for_status().json()
        self.users[role] = response["user"]["id"]
        client.headers["Authorization"] = f"Bearer {response['access_token']}"

    def call(self, role: str, function: str, **arguments: Any) -> httpx.Response:
        """Call a function."""
        return self.clients[role].post(f"/rpc/{function}", json=arguments)

    def snapshot(self, relation: str) -> object:
        """Return all rows of a relation; of a table with the transactions that wrote them."""
        kind = self.system.db.execute(
            "select relkind as k from pg_class where oid = %s::regclass", (relation,)
        ).fetchone()
        version = "" if kind == {"k": "v"} else " || jsonb_build_object('_', t.xmin::text)"
        sql = f"select jsonb_agg(to_jsonb(t){version}) as rows from public.{relation} as t"
        return self.system.db.execute(sql.encode()).fetchone()

    def checksum(self) -> object:
        """Return all rows of all our relations."""
        return [self.snapshot(relation) for relation in RELATIONS]

    def privileges(self, relation: str) -> str:
        """Return what the service role may do besides reading, by the catalog."""
        verbs = {"i": "insert", "u": "update", "d": "delete", "t": "truncate", "f": "references", "g": "trigger"}
        row = self.system.db.execute(
            "select "
            + ", ".join(f"has_table_privilege('service_role', %(r)s, '{v}') as {k}" for k, v in verbs.items()),
            {"r": f"public.{relation}"},
        ).fetchone()
        return "".join(letter for letter in verbs if row and row[letter])

    def _fill(self) -> None:
        db = self.system.db
        endpoint = self.system.endpoint("https://example.com/", headers='{"Authorization": "Bearer geheim"}')
        self.call("user", "dispatch_webhook", event_type="user.joined_community", event_data=JOINED).raise_for_status()
        db.execute("select public.start_webhook_dispatcher_run('test')")
        db.execute(
            "insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)"
            " select id, 1, now(), 1, false from public.webhook_deliveries"
        )
        made = self.call("admin", "create_webhook_api_token", name="ci", scopes=["read", "manage", "dispatch"])
        self.token = made.raise_for_status().json()["token"]
        self.hash = digest(self.token)
        self.call("admin", "send_test_webhook", webhook_config_id=endpoint).raise_for_status()
        db.execute("create table public.things (id uuid primary key, name text)")
        db.execute("alter table public.things enable row level security")
        db.execute("select public.webhook_define_event('thing.made', 'A thing', '{\"type\": \"object\"}', '{}')")
        db.execute("select public.webhook_attach('public.things', 'thing.made', 'insert', '[\"id\"]')")
        db.execute(
            "with alert as (insert into public.webhook_alerts (kind, severity, summary)"
            " values ('overdue', 'warning', 'test') returning id) insert into public.webhook_alert_notices"
            " (alert_id, moment, channel, next_try_at) select id, 'started', 'slack', 'infinity' from alert"
        )
        db.execute("insert into public.webhook_trigger_errors (source, event_type, code, message)"
                   " values ('public.things', 'thing.made', 'XX000', 'test')")  # fmt: skip


def restored(postgres: Postgres, template: str, directory: Path) -> str:
    """Return a project with Supabase's default privileges that the template was restored into."""
    version = max(PROGRAMS)
    dsn = postgres.create("attacked")
    migrate(directory, dsn, emptied(directory / "nothing"), say=quiet)
    with psycopg.connect(dsn) as db:
        db.execute(DEFAULT_PRIVILEGES.encode())
    restore(dsn, dump(postgres.dsn(template), directory / "attacked", version=version), version=version)
    return dsn


@pytest.fixture(scope="module", params=["migrated", "restored", "everything granted"])
def world(
    request: pytest.FixtureRequest,
    postgres: Postgres,
    template: str,
    valkey_server: Valkey,
    directory: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The system and its attackers, for all of these tests."""
    if request.param == "migrated":
        dsn = postgres.create("attacked", template=template)
    else:
        dsn = restored(postgres, template, directory)
    if request.param == "everything granted":
        with psycopg.connect(dsn) as db:
            db.execute(GRANTED.encode())
    with System(dsn, valkey_server, directory, tmp_path_factory.mktemp("attacked")) as system, ExitStack() as resources:
        yield World(system, resources, request.param)
    postgres.drop("attacked")


def test_relations(world: World) -> None:
    """Each table and view, each role, each verb: exactly what the table above says, and no row is changed."""
    db = world.system.db
    found = db.execute(
        f"select c.relname as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        f" where {OURS.format('c.relname')} and c.relkind in ('r', 'v', 'm', 'p', 'f')".encode()
    ).fetchall()
    assert {row["name"] for row in found} == set(RELATIONS), "a new relation: decide who may what"
    observed: dict[str, dict[str, str]] = {}
    for relation in RELATIONS:
        row = db.execute(f"select to_jsonb(t) as row from public.{relation} as t limit 1".encode()).fetchone()
        assert row is not None, f"{relation} has a row to be after"
        column, value = next(iter(row["row"].items()))
        aim = {column: f"eq.{value}"}
        observed[relation] = {}
        for role, client in world.clients.items():
            reading = client.get(f"/{relation}", params={"select": column, "limit": "1"})
            may = "r" if reading.is_success and reading.json() else ""
            if role == "service":
                # it may, and aims at nothing here: what it holds is read from the catalog
                may += RELATIONS[relation]["service"][1:] if world.granted else world.privileges(relation)
            else:
                # Supabase Lite returns 204 for some calls that it did not execute: the rows are what counts
                for letter, verb, body in (
                    ("i", "POST", row["row"]),
                    ("u", "PATCH", {column: value}),
                    ("d", "DELETE", None),
                ):
                    before = world.snapshot(relation)
                    client.request(verb, f"/{relation}", params=None if verb == "POST" else aim, json=body)
                    may += letter * (world.snapshot(relation) != before)
            if may:
                observed[relation][role] = may
    assert observed == RELATIONS


def test_functions(world: World) -> None:
    """Each function, each role: a caller without the right is rejected before it does anything."""
    db = world.system.db
    functions = db.execute(
        f"select p.proname as name, coalesce(p.proargnames[:p.pronargs], '{{}}') as arguments,"
        f" p.proargtypes::regtype[]::text[] as types, p.prorettype = 'trigger'::regtype as trigger,"
        f" has_function_privilege('anon', p.oid, 'execute') as anon"
        f" from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace"
        f" where {OURS.format('p.proname')}".encode()
    ).fetchall()
    assert {row["name"] for row in functions} >= FOR_USERS | FOR_ADMINS
    assert {row["anon"] for row in functions if not row["trigger"]} == {world.granted}
    values: dict[str, Any] = {"uuid": "00000000-0000-0000-0000-000000000000", "jsonb": {}, "interval": "1 day"}
    for function in functions:
        arguments = {
            name: values.get(kind) for name, kind in zip(function["arguments"], function["types"], strict=True)
        }
        for role in ("anon", "user", "other", "admin"):
            before = world.checksum() if world.granted else None
            response = world.call(role, function["name"], **arguments)
            if world.granted and function["name"] in FOR_THE_OWNER | FOR_USERS:
                # they look first; what they find is that there is nothing for this caller
                assert world.checksum() == before, (role, function["name"], response.text)
            elif role != "anon" and function["name"] in (FOR_USERS | FOR_ADMINS if role == "admin" else FOR_USERS):
                # it may reject the arguments ("is not the signed-in user") after checking them
                assert response.status_code != 401, (role, function["name"], response.text)
                assert "permission denied" not in response.text, (role, function["name"], response.text)
            else:
                assert response.status_code in REFUSED, (role, function["name"], response.status_code, response.text)


def test_anothers_listener(world: World) -> None:
    """No one but its owner claims, reports or ends it: not even the service key, which has listeners of its own."""
    listener = world.call("admin", "start_webhook_listener", events=["user.*"]).json()["id"]
    try:
        for role in ("anon", "user", "other", "service"):
            for function, arguments in (
                ("claim_for_webhook_listener", {}),
                ("record_for_webhook_listener", {"results": []}),
                ("stop_webhook_listener", {}),
            ):
                response = world.call(role, function, listener=listener, **arguments)
                assert response.status_code in REFUSED, (role, function, response.text)
        assert world.call("admin", "claim_for_webhook_listener", listener=listener).json() == {"deliveries": []}
    finally:
        while world.call("admin", "stop_webhook_listener", listener=listener).raise_for_status().json()["more"]:
            pass


def test_samples_of_tables(world: World) -> None:
    """Samples of an app's table are for admins, and show them no row that the table's grants and policies do not."""
    db = world.system.db
    db.execute(
        "create table public.sampled (id integer primary key, whose text);"
        " alter table public.sampled enable row level security;"
        " create policy own on public.sampled for select to authenticated using (whose = auth.uid()::text);"
        " insert into public.sampled values (1, 'someone else')"
    )
    try:
        asked = {"columns": ["id"], "actor": None}
        for role in ("anon", "user", "other"):
            for source in ("public.sampled", "auth.users", "public.nothing"):
                response = world.call(role, "webhook_sample_events", source=source, **asked)
                assert response.status_code in REFUSED, (role, source, response.text)
                assert "does not exist" not in response.text
        for source in ("public.sampled", "auth.users"):
            found = world.call("admin", "webhook_sample_events", source=source, **asked).raise_for_status().json()
            assert (found["rows"], "read" in found["problem"]) == ([], True), source
        # the service role's own rights are those of the app's servers; accounts are not shown to it either
        found = world.call("service", "webhook_sample_events", source="auth.users", **asked).json()
        assert found["rows"] == []
        for source in ("webhooks.endpoint_secrets", "public.webhook_configurations"):
            for role in ("admin", "service"):
                response = world.call(role, "webhook_sample_events", source=source, **asked)
                assert response.status_code == 404, (role, source, response.text)
    finally:
        db.execute("drop table public.sampled")


@pytest.mark.parametrize("column", ["secret_key", "headers"])
def test_no_browser_reads_secrets(world: World, column: str) -> None:
    """Not an admin's either, by name, by star, by filter or by order; the service role's own reads find none here."""
    for role, client in world.clients.items():
        for params in ({"select": column}, {"select": "*"}, {"select": "id", column: "neq.{}"},
                       {"select": "id", column: "not.is.null"}, {"select": "id", "order": column},
                       {"select": f"id,{column}"},
                       {"select": "id", "or": f"({column}.like.*e*,id.is.null)"}):  # fmt: skip
            response = client.get("/webhook_configurations", params=params)
            assert no_secret(world, response), (role, params, response.text)
            if response.is_success:
                assert all(row.get(column) is None for row in response.json()), (role, params, response.text)
                assert column not in params or response.json() == [], (role, params, response.text)


@pytest.mark.parametrize(
    "table", ["api_tokens", "endpoint_secrets", "installation", "listeners", "migrations", "previous_secrets"]
)
def test_the_schema_of_the_secrets_is_not_exposed(world: World, table: str) -> None:
    """Its tables are there for no key, the service role's included, by whatever name they are asked for."""
    for role, client in world.clients.items():
        for path, headers in (
            (f"/{table}", {}),
            (f"/{table}", {"Accept-Profile": "webhooks"}),
            (f"/webhooks.{table}", {}),
            (f"/webhook_configurations?select=id,{table}(*)", {}),
            (f"/webhook_configurations?select=id,{table}(*)", {"Accept-Profile": "webhooks"}),
        ):
            response = client.get(path, headers=headers)
            assert not response.is_success or response.json() == [], (role, path, headers, response.text)
            assert no_secret(world, response), (role, path, headers, response.text)


def test_admins_functions_give_no_secret(world: World) -> None:
    """What lists, shows and searches leaves them out."""
    (endpoint,) = world.call("admin", "list_webhook_endpoints").json()
    (delivery,) = world.system.db.execute("select id::text from public.webhook_deliveries limit 1").fetchall()
    for function, arguments in (
        ("list_webhook_endpoints", {}),
        ("update_webhook_endpoint", {"webhook_config_id": endpoint["id"], "changes": {"name": "receiver"}}),
        ("get_webhook_delivery", {"delivery_id": delivery["id"]}),
        ("search_webhook_deliveries", {}),
        ("webhook_overview", {}),
        ("list_webhook_api_tokens", {}),
    ):
        response = world.call("admin", function, **arguments)
        assert response.is_success, (function, response.text)
        assert no_secret(world, response), (function, response.text)


def no_secret(world: World, response: httpx.Response) -> bool:
    """Return whether a response holds neither the endpoint's secret, nor its header's value, nor an API token."""
    return not any(secret in response.text for secret in (world.system.secret, "geheim", world.token[12:], world.hash))


def test_a_forged_actor_and_anothers_idempotency_key(world: World) -> None:
    """A user acts for no one else; two users' equal keys never meet."""
    forged = world.call(
        "other", "dispatch_webhook", event_type="user.joined_community", event_data=JOINED,
        actor_user_id=world.users["user"],
    )  # fmt: skip
    assert forged.status_code == 403
    assert "is not the signed-in user" in forged.text
    responses = [
        world.call(
            role, "dispatch_webhook", event_type="user.joined_community", event_data=JOINED, idempotency_key="same"
        ).json()
        for role in ("user", "other", "user", "service")
    ]
    assert responses[0] == responses[2]
    assert len({response["request_id"] for response in responses}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "'; drop table public.webhook_deliveries; --",
        "user.joined_community' or '1'='1",
        "$$; select pg_sleep(10); $$",
        "\\'; select 1",
        "%s %I %L",
    ],
)
def test_sql_in_every_text_argument(world: World, text: str) -> None:
    """It stays text: an unknown event type, or a value in a payload."""
    refused = world.call("user", "dispatch_webhook", event_type=text, event_data=JOINED)
    assert refused.status_code == 400
    assert "unknown webhook event type" in refused.text
    data = {**JOINED, text: text, "community_name": text}
    accepted = world.call(
        "user", "dispatch_webhook", event_type="user.joined_community", event_data=data, idempotency_key=text
    )
    assert accepted.is_success, accepted.text
    row = world.system.db.execute(
        "select payload -> 'data' as data from public.webhook_deliveries where request_id = %s",
        (accepted.json()["request_id"],),
    ).fetchone()
    assert row == {"data": data}
    for arguments in ({"event_type": text}, {"status": text}, {"payload_path": text, "payload_value": text}):
        found = world.call("admin", "search_webhook_deliveries", **arguments)
        assert found.status_code < 500, (arguments, found.text)
    assert world.system.db.execute("select from public.webhook_deliveries").rowcount >= 2


def test_oversized_and_deeply_nested_data(world: World) -> None:
    """Rejected with the limit, or by the first parser; nothing of it is stored, and everything continues."""
    big = world.call(
        "user", "dispatch_webhook", event_type="user.joined_community", event_data={**JOINED, "x": "y" * 300_000}
    )
    assert big.status_code == 400
    assert "256" in big.text
    for depth in (5_000, 200_000):
        nested = json.dumps(JOINED)[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"
        body = f'{{"event_type": "user.joined_community", "event_data": {nested}}}'
        before = world.snapshot("webhook_deliveries")
        response = world.clients["user"].post(
            "/rpc/dispatch_webhook", content=body, headers={"Content-Type": "application/json"}
        )
        # Supabase Lite's own parser gives up with a 500
        assert not response.is_success, (depth, response.text[:200])
        assert world.snapshot("webhook_deliveries") == before
    assert world.call("user", "dispatch_webhook", event_type="user.joined_community", event_data=JOINED).is_success


def test_a_flood_by_one_user(world: World) -> None:
    """After sixty in a minute the response is 429 with the reason; the other user is not affected."""
    start = time.monotonic()
    responses = [
        world.call("other", "dispatch_webhook", event_type="user.joined_community", event_data=JOINED)
        for _ in range(100)
    ]
    seconds = time.monotonic() - start
    codes = [response.status_code for response in responses]
    assert set(codes) == {200, 429}
    assert 50 <= codes.count(200) <= 60 + seconds, "less what was dispatched before, and one more for each second"
    for response in responses:
        if response.status_code == 429:
            assert "you have dispatched more than 60 events in a minute" in response.text
    assert world.call("user", "dispatch_webhook", event_type="user.joined_community", event_data=JOINED).is_success


def test_a_search_path_of_the_callers(world: World) -> None:
    """Functions of the same names in the caller's own schema are never called by ours."""
    db = world.system.db
    db.execute("create schema evil; grant usage on schema evil to authenticated")
    for name, result in (("now", "timestamptz"), ("gen_random_uuid", "uuid"), ("length", "integer")):
        db.execute(
            f"create function evil.{name}() returns {result} language plpgsql as"
            f" 'begin raise exception ''hijacked''; end'".encode()
        )
    db.execute("create function evil.split_part(text, text, integer) returns text language plpgsql as"
               " 'begin raise exception ''hijacked''; end'")  # fmt: skip
    with db.transaction():
        db.execute("select set_config('request.jwt.claim.sub', %s, true)", (world.users["user"],))
        db.execute("set local role authenticated; set local search_path = evil, pg_catalog")
        db.execute("select public.dispatch_webhook('user.joined_community', %s::jsonb)", (json.dumps(JOINED),))
        db.execute("select public.is_webhook_admin()")


#: Each call that aims at an endpoint or a delivery of a tenant. The last ends the endpoint.
AT_A_TENANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "list_webhook_endpoints": ("webhook_config_id", {}),
    "update_webhook_endpoint": ("webhook_config_id", {"changes": {"name": "mine"}}),
    "rotate_webhook_secret": ("webhook_config_id", {}),
    "end_webhook_secret_overlap": ("webhook_config_id", {}),
    "send_test_webhook": ("webhook_config_id", {}),
    "replay_webhook_deliveries": ("webhook_config_id", {"dry_run": False}),
    "get_webhook_delivery": ("delivery_id", {}),
    "retry_webhook_delivery": ("delivery_id", {}),
    "delete_webhook_endpoint": ("webhook_config_id", {}),
}
NOTHING = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def tenants(world: World) -> Iterator[dict[str, str]]:
    """Users of the tenants A and B, a and b; B's endpoint and a delivery to it, and one to the app's own, by name."""
    db = world.system.db
    with ExitStack() as resources:
        for role in ("a", "b", "viewer"):
            world.enter(role, resources)
        db.execute("update auth.users set raw_app_meta_data = '{\"webhooks_role\": \"viewer\"}' where id = %s",
                   (world.users["viewer"],))  # fmt: skip
        db.execute(
            "create or replace function public.webhook_tenants(permission text) returns setof text language sql stable"
            " security definer set search_path = '' as $$"
            " select case auth.uid() when '{a}' then 'A' when '{b}' then 'B' end $$".format(**world.users).encode()
        )
        schema = '{"type": "object"}'
        db.execute(
            "select public.webhook_define_event('order.paid', 'Paid', %s, '{}', audience => 'customers')", (schema,)
        )
        made = {}
        for role, tenant in (("a", "A"), ("b", "B")):
            settings = {"tenant_id": tenant, "name": tenant, "url": "https://example.com/", "events": ["*"]}
            response = world.call(role, "create_webhook_endpoint", settings=settings)
            made[tenant] = response.raise_for_status().json()["id"]
        db.execute("select public.dispatch_webhook('order.paid', '{\"x\": \"vertraulich\"}', tenant_id => 'B')")
        (own,) = world.system.db.execute(
            "select id::text from public.webhook_configurations where tenant_id is null limit 1"
        ).fetchall()
        found = {"app": own["id"], **made}
        for name, endpoint in list(found.items()):
            row = db.execute(
                "select id::text from public.webhook_deliveries where webhook_config_id = %s limit 1", (endpoint,)
            ).fetchone()
            found[f"delivery to {name}"] = row["id"] if row else NOTHING
        db.execute("insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)"
                   " values (%s, 1, now(), 1, false)", (found["delivery to B"],))  # fmt: skip
        yield found
        db.execute("delete from public.webhook_configurations where tenant_id is not null")
        for role in ("a", "b", "viewer"):
            del world.clients[role]


def test_what_belongs_to_another_tenant_does_not_exist(world: World, tenants: dict[str, str]) -> None:
    """Call by call and table by table: the same status and body as for an id of nothing, and nothing is changed."""
    before = world.checksum()
    for function, (aim, more) in AT_A_TENANTS.items():
        prefix = "delivery to " if aim == "delivery_id" else ""
        wanted = world.call("a", function, **{aim: NOTHING}, **more)
        assert wanted.status_code == 404, (function, wanted.text)
        for name in ("B", "app"):
            aimed = tenants[f"{prefix}{name}"]
            response = world.call("a", function, **{aim: aimed}, **more)
            assert response.status_code == 404, (function, name, response.text)
            assert response.text.replace(aimed, NOTHING) == wanted.text, (function, name)
    for function in ("list_webhook_endpoints", "search_webhook_deliveries"):
        refused = [world.call("a", function, tenant_id=tenant) for tenant in ("B", "C")]
        assert [response.status_code for response in refused] == [403, 403]
        assert refused[0].text.replace('"B', '"C').replace('B\\"', 'C\\"') == refused[1].text
        empty = [
            world.call("a", function, tenant_id="A", webhook_config_id=one).json()
            for one in (NOTHING, tenants["B"], tenants["app"])
        ]
        assert empty[0] == empty[1] == empty[2]
    for table, column, prefix in (
        ("webhook_configurations", "id", ""),
        ("webhook_deliveries", "webhook_config_id", ""),
        ("webhook_deliveries", "id", "delivery to "),
        ("webhook_attempts", "delivery_id", "delivery to "),
    ):
        for name in ("B", "app"):
            response = world.clients["a"].get(f"/{table}", params={column: f"eq.{tenants[prefix + name]}"})
            assert response.json() == [], (table, name)
    for table in ("webhook_configurations", "webhook_deliveries"):
        response = world.clients["a"].get(f"/{table}", headers={"Prefer": "count=exact"}, params={"select": "id"})
        own = world.clients["a"].get(f"/{table}", params={"select": "id"}).json()
        assert response.headers.get("Content-Range", f"/{len(own)}").rpartition("/")[2] == str(len(own))
    for verb, table in (("POST", "webhook_configurations"), ("PATCH", "webhook_configurations"),
                        ("DELETE", "webhook_configurations"), ("DELETE", "webhook_deliveries")):  # fmt: skip
        world.clients["a"].request(verb, f"/{table}", params={"id": f"not.eq.{NOTHING}"} if verb != "POST" else None,
                                   json=None if verb == "DELETE" else {"name": "x", "tenant_id": "B"})  # fmt: skip
    assert world.checksum() == before


#: Queries that aim at an endpoint, by every means that PostgREST has to look at a row from aside.
QUERIES = [
    "webhook_configurations?id=eq.{}", "webhook_configurations?id=in.({})&select=secret_key,headers,url",
    "webhook_configurations?or=(id.eq.{0},name.eq.x)", "webhook_configurations?and=(id.gte.{0},id.lte.{0})",
    "webhook_configurations?id=eq.{}&select=*,webhook_deliveries(*,webhook_attempts(*))",
    "webhook_configurations?id=eq.{}&select=*,webhook_circuits(*),webhook_deliveries(count)",
    "webhook_configurations?id=eq.{}&select=count", "webhook_configurations?id=eq.{}&order=secret_key&limit=1&offset=0",
    "webhook_configurations?id=eq.{}&tenant_id=eq.B", "webhook_configurations?id=eq.{}&events=cs.{{*}}",
    "webhook_deliveries?webhook_config_id=eq.{}",
    "webhook_deliveries?webhook_config_id=eq.{}&select=*,webhook_configurations!inner(*)",
    "webhook_deliveries?webhook_config_id=eq.{}&payload->data->>x=eq.vertraulich",
    "webhook_deliveries?webhook_config_id=eq.{}&order=payload",
    "webhook_deliveries?webhook_config_id=eq.{}&webhook_configurations.name=eq.B&select=id,webhook_configurations(name)",
    "webhook_deliveries?select=webhook_config_id,count()&webhook_config_id=eq.{}",
    "webhook_delivery_overview?webhook_config_id=eq.{}", "webhook_circuits?webhook_config_id=eq.{}",
    "webhook_admin_actions?webhook_config_id=eq.{}", "webhook_alerts?webhook_config_id=eq.{}",
    "webhook_tenant_limits?tenant_id=eq.{}",
]  # fmt: skip


def test_no_query_tells_another_tenants_from_nothing(world: World, tenants: dict[str, str]) -> None:
    """The same status, body and count, by GET and by HEAD; nor may any be changed, nor its id be taken."""
    before = world.checksum()
    for query in QUERIES:
        for method in ("GET", "HEAD"):
            found = []
            for aim in (NOTHING, tenants["B"], tenants["app"]):
                response = world.clients["a"].request(
                    method, "/" + query.format(aim), headers={"Prefer": "count=exact"}
                )
                seen = (
                    response.status_code,
                    response.headers.get("Content-Range"),
                    response.text.replace(aim, NOTHING),
                )
                found.append(seen)
            assert found[0] == found[1] == found[2], (method, query, found)
            assert response.status_code < 500, (method, query, response.text)
    settings = {"name": "x", "url": "https://example.com/", "events": ["*"]}
    for aim in (NOTHING, tenants["B"], tenants["app"]):
        for method, params, body in (
            ("POST", None, {"id": aim, **settings}),
            ("POST", {"on_conflict": "id"}, {"id": aim, **settings}),
            ("PATCH", {"id": f"eq.{aim}"}, {"name": "mine"}),
            ("DELETE", {"id": f"eq.{aim}"}, None),
        ):
            headers = {"Prefer": "return=representation,resolution=merge-duplicates"}
            response = world.clients["a"].request(
                method, "/webhook_configurations", params=params, json=body, headers=headers
            )
            assert not response.is_success or response.json() == [], (method, response.text)
            assert "vertraulich" not in response.text
    assert world.checksum() == before


#: As an id: none, of another type, too long, several.
IDS = [None, "", "x", 5, 1e308, True, [], {}, [NOTHING],
       "{" + NOTHING + "}", NOTHING + "\u200f",
       "A" * 10_000, "'; select 1--", "\x00", "💣"]  # fmt: skip


def test_arguments_of_hostile_kinds(world: World, tenants: dict[str, str]) -> None:
    """Rejected, each time as a mistake of the caller's, and nothing is changed; no function fails by itself."""
    before = world.checksum()
    texts = [None, "", "\x00", "\u202e", "💣", "'", "\\", "x" * 10_000, 5, [], {}, ["A", "B"]]
    for value in IDS:
        for function, (aim, more) in AT_A_TENANTS.items():
            response = world.call("a", function, **{aim: value}, **more)
            if function == "list_webhook_endpoints" and response.is_success:
                assert response.json() == []
                continue
            assert 400 <= response.status_code < 500, (function, value, response.status_code, response.text)
            assert "vertraulich" not in response.text
    for value in texts:
        for function, arguments in (
            ("list_webhook_endpoints", {"tenant_id": value}),
            ("search_webhook_deliveries", {"tenant_id": value}),
            ("create_webhook_endpoint", {"settings": value}),
            (
                "create_webhook_endpoint",
                {"settings": {"tenant_id": value, "name": "x", "url": "https://x.y/", "events": ["*"]}},
            ),
            ("webhook_tenants", {"permission": value}),
            ("search_webhook_deliveries", {"tenant_id": "A", "status": value}),
            ("search_webhook_deliveries", {"tenant_id": "A", "payload_path": value, "payload_value": value}),
            ("search_webhook_deliveries", {"tenant_id": "A", "before_created_at": value, "page_size": value}),
            ("list_webhook_endpoints", {"tenant_id": "A", "after_name": value, "after_id": value}),
            ("send_test_webhook", {"webhook_config_id": tenants["A"], "event_type": value or "x"}),
            ("rotate_webhook_secret", {"webhook_config_id": tenants["A"], "overlap": value}),
            ("replay_webhook_deliveries", {"webhook_config_id": tenants["A"], "status": value, "dry_run": value}),
            ("update_webhook_endpoint", {"webhook_config_id": tenants["A"], "changes": value}),
        ):
            if (function == "rotate_webhook_secret" and value == 5) or arguments.get("changes") == {}:
                continue  # five seconds, and a change of nothing: right
            response = world.call("a", function, **arguments)
            # Supabase Lite's own driver rejects some kinds with a 500
            lites = '"code":"SUP"' in response.text
            assert response.status_code < 500 or lites, (function, value, response.status_code, response.text)
            assert tenants["B"] not in response.text, (function, value)
            assert "vertraulich" not in response.text, (function, value)
    assert world.checksum() == before


def test_each_role_against_a_tenant(world: World, tenants: dict[str, str]) -> None:
    """Users of no tenant are rejected by every call; B's own user and an admin may make each."""
    delivery, endpoint = tenants["delivery to B"], tenants["B"]
    aims = {"webhook_config_id": endpoint, "delivery_id": delivery}
    before = world.checksum()
    for role in ("anon", "user", "other"):
        for function, (aim, more) in AT_A_TENANTS.items():
            response = world.call(role, function, **{aim: aims[aim]}, **more)
            assert response.status_code in REFUSED, (role, function, response.text)
            assert "vertraulich" not in response.text
        for table in ("webhook_configurations", "webhook_deliveries", "webhook_attempts"):
            response = world.clients[role].get(f"/{table}")
            assert not response.is_success or response.json() == [], (role, table)
    assert world.checksum() == before
    for role in ("b", "admin"):
        for table, column in (("webhook_configurations", "id"), ("webhook_deliveries", "webhook_config_id")):
            rows = world.clients[role].get(f"/{table}", params={column: f"eq.{endpoint}"}).json()
            assert rows, (role, table)
            assert no_secret(world, world.clients[role].get(f"/{table}"))
        assert world.clients[role].get("/webhook_attempts", params={"delivery_id": f"eq.{delivery}"}).json()
        for function, (aim, more) in AT_A_TENANTS.items():
            response = world.call(role, function, **{aim: aims[aim]}, **more)
            assert response.status_code == 200, (role, function, response.text)
            if function == "delete_webhook_endpoint":
                world.system.db.execute(
                    "update public.webhook_configurations set is_active = true where id = %s", (endpoint,)
                )


def test_a_viewer_reads_without_payloads_and_changes_nothing(world: World, tenants: dict[str, str]) -> None:
    """By functions alone: the tables show it no rows."""
    before = world.checksum()
    aims = {"webhook_config_id": tenants["B"], "delivery_id": tenants["delivery to B"]}
    for function, (aim, more) in AT_A_TENANTS.items():
        response = world.call("viewer", function, **{aim: aims[aim]}, **more)
        reads = function in {"list_webhook_endpoints", "get_webhook_delivery"}
        assert response.status_code == (200 if reads else 403), (function, response.text)
        assert "vertraulich" not in response.text
        assert no_secret(world, response)
    for function in ("search_webhook_deliveries", "list_webhook_endpoints", "webhook_overview"):
        response = world.call("viewer", function)
        assert response.status_code == 200, (function, response.text)
        assert "vertraulich" not in response.text
    # every function that looks for a value in payloads would tell it by what it finds or counts
    for function in (
        row["name"]
        for row in world.system.db.execute(
            "select p.proname as name from pg_proc as p where p.pronamespace = 'public'::regnamespace"
            " and 'payload_path' = any (p.proargnames)"
        )
    ):
        for value in ("vertraulich", None, "none"):
            more = (
                {}
                if function == "search_webhook_deliveries"
                else {"created_from": "2026-01-01T00:00:00Z", "bucket_seconds": 10**7}
            )
            probing = world.call("viewer", function, payload_path="data.x", payload_value=value, **more)
            assert probing.status_code == 403, (function, probing.text)
    for table in ("webhook_configurations", "webhook_deliveries", "webhook_attempts", "webhook_admin_actions"):
        assert world.clients["viewer"].get(f"/{table}").json() == [], table
    assert world.checksum() == before
