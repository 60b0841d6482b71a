"""Tenants: whose events go where, who may read and change what, and the limits of their endpoints."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.conftest import JOINED
from tests.database.shorthands import as_admin, call
from tests.database.test_dispatch import ANA, BEN, become

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: A type that tenants can receive; user.joined_community is internal.
PAID = "order.paid"

#: One tenant a user: A is Ana's, B is Ben's; each may do all there.
ONE_EACH = f"""
create or replace function public.webhook_tenants(permission text) returns setof text
language sql stable security definer set search_path = '' as $$
    select case auth.uid() when '{ANA}' then 'A' when '{BEN}' then 'B' end
$$
"""

PERMISSIONS = """
create or replace function public.webhook_tenants(permission text) returns setof text
language sql stable security definer set search_path = '' as $$
    select t.id from public.may as t where t.permission = webhook_tenants.permission and t.who = auth.uid()
$$
"""


@pytest.fixture
def tenants(db: Database) -> Database:
    """A database in which A is Ana's tenant and B is Ben's, with one type for customers."""
    schema = json.dumps({"type": "object", "properties": {"id": {"type": "string"}}})
    call(db, "webhook_define_event", PAID, "An order was paid.", schema, json.dumps({"id": "1"}), audience="customers")
    db.execute(ONE_EACH.encode())
    return db


def as_owner(db: Database) -> None:
    """Go on as the owner, who sees all."""
    db.execute("reset role")
    db.execute("select set_config('request.jwt.claim.sub', '', false), set_config('request.jwt.claims', '', false)")


def receivers(db: Database) -> dict[str, int]:
    """Return how many deliveries each endpoint has, by its name."""
    rows = db.execute(
        "select c.name, count(*) as n from public.webhook_deliveries as d"
        " join public.webhook_configurations as c on c.id = d.webhook_config_id group by c.name"
    ).fetchall()
    return {row["name"]: row["n"] for row in rows}


def create(db: Database, tenant: str | None, **settings: Any) -> dict[str, Any]:
    """Create an endpoint as the current user."""
    given = {"name": f"of {tenant}", "url": "https://example.com/", "events": ["*"], **settings}
    result: dict[str, Any] = call(
        db, "create_webhook_endpoint", json.dumps(given | ({"tenant_id": tenant} if tenant else {}))
    )
    return result


def test_an_event_goes_to_its_tenant_and_to_the_app(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """And without a tenant to the app's own endpoints alone; internal types never to a tenant's, whatever it names."""
    endpoint(name="app")
    endpoint(name="A", tenant_id="A")
    endpoint(name="A's orders", tenant_id="A", events="{order.*}")
    endpoint(name="B", tenant_id="B")

    assert dispatch(PAID, {"id": "1"}, None, None, "A")["deliveries"] == 3
    assert receivers(tenants) == {"app": 1, "A": 1, "A's orders": 1}
    assert dispatch(PAID, {"id": "1"})["deliveries"] == 1
    assert dispatch("user.joined_community", JOINED, None, None, "A")["deliveries"] == 1
    assert dispatch(PAID, {"id": "1"}, None, None, "nobody")["deliveries"] == 1
    assert receivers(tenants) == {"app": 4, "A": 1, "A's orders": 1}


def test_a_triggers_events_go_to_the_tenant_that_its_row_names(tenants: Database, endpoint: Callable[..., str]) -> None:
    """By one statement for rows of several tenants, and of none."""
    endpoint(name="app")
    endpoint(name="A", tenant_id="A")
    endpoint(name="B", tenant_id="B")
    tenants.execute("create table public.orders (id text primary key, organization_id text)")
    call(tenants, "webhook_attach", "public.orders", PAID, "insert", '["id"]', tenant="organization_id")
    tenants.execute("insert into public.orders values ('1', 'A'), ('2', 'B'), ('3', 'A'), ('4', null), ('5', 'C')")
    assert receivers(tenants) == {"app": 5, "A": 2, "B": 1}
    found = tenants.execute(
        "select c.name, array_agg(d.payload #>> '{data,id}' order by d.payload #>> '{data,id}') as ids"
        " from public.webhook_deliveries as d join public.webhook_configurations as c on c.id = d.webhook_config_id"
        " where c.tenant_id is not null group by c.name order by c.name"
    ).fetchall()
    assert found == [{"name": "A", "ids": ["1", "3"]}, {"name": "B", "ids": ["2"]}]
    counted = tenants.execute(
        "select k.deliveries, count(*) as n from webhooks.idempotency_keys as k group by 1 order by 1"
    ).fetchall()
    assert counted == [{"deliveries": 1, "n": 2}, {"deliveries": 2, "n": 3}]


def test_a_change_of_another_tenant_is_not_found(tenants: Database, endpoint: Callable[..., str]) -> None:
    """By its row's ids, no matter who made it: an event for a user of that tenant, for others the same as none."""
    endpoint(name="A", tenant_id="A")
    endpoint(name="B", tenant_id="B")
    tenants.execute("create table public.orders (id text primary key, organization_id text)")
    call(tenants, "webhook_attach", "public.orders", PAID, "insert", '["id"]', tenant="organization_id")
    tenants.execute("insert into public.orders values ('1', 'A'), ('2', 'B'), ('3', null)")

    def found(order: str) -> Any:
        with tenants.transaction(force_rollback=True):
            return call(tenants, "dispatch_webhook", PAID, json.dumps({"id": order}))["deliveries"]

    for dispatches in (False, True):
        tenants.execute(
            "update public.webhook_event_types set users_may_dispatch = %s where name = %s", (dispatches, PAID)
        )
        for who, own, others in ((ANA, "1", "2"), (BEN, "2", "1")):
            become(tenants, "authenticated", who)
            assert (found(own), found("3")) == (1, 0)
            refused = []
            for order in (others, "4"):
                with pytest.raises(psycopg.Error) as caught:
                    found(order)
                refused.append(
                    (caught.value.sqlstate, caught.value.diag.message_primary, caught.value.diag.message_hint)
                )
            assert refused[0] == refused[1]
            as_owner(tenants)


@pytest.mark.usefixtures("tenants")
def test_the_systems_alerts_go_to_no_tenant(endpoint: Callable[..., str]) -> None:
    """A tenant's endpoint cannot subscribe to them."""
    for events in ("{webhook.alert}", "{webhook.*}"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="not in the catalog"):
            endpoint(events=events, tenant_id="A")


def test_internal_types_do_not_exist_for_a_tenant(tenants: Database, endpoint: Callable[..., str]) -> None:
    """Neither to subscribe to, by the same error as for an unknown type, nor as a test, nor in the catalog."""
    for events in ("{user.joined_community}", "{user.*}", "{no.such_type}"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="not in the catalog"):
            endpoint(events=events, tenant_id="A")
    one = endpoint(tenant_id="A")
    become(tenants, "authenticated", ANA)
    for event in ("user.joined_community", "no.such_type"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=f'"{event}" has no example'):
            call(tenants, "send_test_webhook", one, event)
    assert call(tenants, "send_test_webhook", one, PAID)["delivery_id"]
    names = tenants.execute("select name from public.webhook_event_types where not users_may_dispatch").fetchall()
    assert names == [{"name": PAID}]
    as_admin(tenants)
    assert tenants.execute("select from public.webhook_event_types").rowcount > 5


@pytest.mark.usefixtures("tenants")
def test_equal_idempotency_keys_of_two_tenants_never_meet(
    endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Nor does one that imitates another's scope."""
    endpoint()
    scopes: list[tuple[Any, ...]] = [("A",), ("B",), ('server", "A',), ()]
    first = [dispatch(PAID, {"id": "1"}, None, "k", *tenant)["request_id"] for tenant in scopes]
    again = [dispatch(PAID, {"id": "1"}, None, "k", *tenant)["request_id"] for tenant in scopes]
    assert first == again
    assert len(set(first)) == len(scopes)


def test_users_dispatch_for_the_tenants_that_they_may(tenants: Database, endpoint: Callable[..., str]) -> None:
    """With the same error for another's tenant as for one that does not exist."""
    tenants.execute("update public.webhook_event_types set users_may_dispatch = true where name = %s", (PAID,))
    endpoint(name="A", tenant_id="A")
    become(tenants, "authenticated", ANA)
    data = json.dumps({"id": "1"})
    assert call(tenants, "dispatch_webhook", PAID, data, tenant_id="A")["deliveries"] == 1
    for other in ("B", "nobody"):
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege, match=f'you cannot dispatch events of the tenant "{other}"'
        ):
            call(tenants, "dispatch_webhook", PAID, data, tenant_id=other)


def test_as_shipped_no_user_has_a_tenant(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """webhook_tenants returns none until the app replaces it."""
    one = endpoint(tenant_id="A")
    dispatch()
    become(db, "authenticated", ANA)
    for table in ("webhook_configurations", "webhook_deliveries", "webhook_attempts"):
        assert db.execute(f"select from public.{table}".encode()).rowcount == 0
    for function, arguments in (
        ("list_webhook_endpoints", {"tenant_id": "A"}),
        ("rotate_webhook_secret", {"webhook_config_id": one}),
        ("search_webhook_deliveries", {"tenant_id": "A"}),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only webhook admins"):
            call(db, function, **arguments)


def test_the_app_s_rule_survives_an_update(tenants: Database) -> None:
    """The migration creates public.webhook_tenants only if it is absent."""
    from devstack.schemas import produce  # noqa: PLC0415

    system = next(text for file, text in produce().items() if file.name.endswith("_webhooks.sql"))
    tenants.execute(system.encode())
    become(tenants, "authenticated", ANA)
    assert tenants.execute("select public.webhook_tenants('read') as t").fetchall() == [{"t": "A"}]


def test_no_tenant_for_a_sign_in_that_has_ended(tenants: Database) -> None:
    """As for admins: a token outlives its session."""
    become(tenants, "authenticated", ANA)
    claims = {"sub": ANA, "role": "authenticated", "session_id": "00000000-0000-0000-0000-0000000000ff"}
    tenants.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps(claims),))
    assert tenants.execute("select webhooks.tenants('read')").fetchall() == []


def test_each_reads_its_own(tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Of the three tables: not another tenant's rows, nor those of a tenant's event that went to the app itself."""
    endpoint(name="app")
    own = endpoint(name="A", tenant_id="A")
    endpoint(name="B", tenant_id="B")
    dispatch(PAID, {"id": "1"}, None, None, "A")
    dispatch(PAID, {"id": "2"}, None, None, "B")
    dispatch(PAID, {"id": "3"})
    tenants.execute("insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)"
                    " select id, 1, now(), 1, false from public.webhook_deliveries")  # fmt: skip
    become(tenants, "authenticated", ANA)
    assert [row["name"] for row in tenants.execute("select name from public.webhook_configurations").fetchall()] == [
        "A"
    ]
    rows = tenants.execute(
        "select id, webhook_config_id, payload #>> '{data,id}' as n from public.webhook_deliveries"
    ).fetchall()
    assert [(str(row["webhook_config_id"]), row["n"]) for row in rows] == [(own, "1")]
    attempts = tenants.execute("select delivery_id from public.webhook_attempts").fetchall()
    assert [row["delivery_id"] for row in attempts] == [row["id"] for row in rows]
    listed = call(tenants, "list_webhook_endpoints", tenant_id="A")
    assert [one["name"] for one in listed] == ["A"]
    found = call(tenants, "search_webhook_deliveries", tenant_id="A")["deliveries"]
    assert [one["id"] for one in found] == [str(rows[0]["id"])]
    assert call(tenants, "get_webhook_delivery", str(rows[0]["id"]))["attempt_log"]
    # an admin sees all
    as_admin(tenants)
    assert tenants.execute("select from public.webhook_deliveries").rowcount == 5
    assert len(call(tenants, "list_webhook_endpoints")) == 3
    assert len(call(tenants, "search_webhook_deliveries", tenant_id="A")["deliveries"]) == 1


#: Each call that aims at an endpoint, and each at a delivery.
AT_AN_ENDPOINT = {
    "list_webhook_endpoints": {},
    "update_webhook_endpoint": {"changes": '{"name": "mine"}'},
    "delete_webhook_endpoint": {},
    "rotate_webhook_secret": {},
    "end_webhook_secret_overlap": {},
    "send_test_webhook": {},
    "replay_webhook_deliveries": {"dry_run": False},
}
AT_A_DELIVERY = ("get_webhook_delivery", "retry_webhook_delivery")
NOTHING = "00000000-0000-0000-0000-000000000000"


def outcome(db: Database, function: str, aim: str, **arguments: Any) -> tuple[str, str, str | None]:
    """Return an error's code, text and hint, with what was aimed at left out."""
    with pytest.raises(psycopg.Error) as caught:
        call(db, function, **arguments)
    diagnosis = caught.value.diag
    return str(diagnosis.sqlstate), str(diagnosis.message_primary).replace(aim, "..."), diagnosis.message_hint


def test_what_is_another_s_does_not_exist(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Call by call the same error for another tenant's, the app's own and none at all; and nothing is changed."""
    app, other = endpoint(name="app"), endpoint(name="B", tenant_id="B")
    dispatch(PAID, {"id": "2"}, None, None, "B")
    rows = tenants.execute("select id::text, webhook_config_id::text as c from public.webhook_deliveries").fetchall()
    deliveries = {row["c"]: row["id"] for row in rows}

    def state() -> Any:
        return tenants.execute(
            "select (select jsonb_agg(to_jsonb(c)) from public.webhook_configurations as c) as c,"
            " (select jsonb_agg(to_jsonb(d)) from public.webhook_deliveries as d) as d"
        ).fetchone()

    before = state()
    become(tenants, "authenticated", ANA)
    for function, more in AT_AN_ENDPOINT.items():
        wanted = outcome(tenants, function, NOTHING, webhook_config_id=NOTHING, **more)
        assert wanted[0] == "PT404"
        for aim in (app, other):
            assert outcome(tenants, function, aim, webhook_config_id=aim, **more) == wanted, function
    for function in AT_A_DELIVERY:
        wanted = outcome(tenants, function, NOTHING, delivery_id=NOTHING)
        assert wanted[0] == "PT404"
        for aim in (deliveries[app], deliveries[other]):
            assert outcome(tenants, function, aim, delivery_id=aim) == wanted, function
    for function in ("list_webhook_endpoints", "search_webhook_deliveries"):
        refused = [outcome(tenants, function, name, tenant_id=name) for name in ("B", "nobody")]
        assert refused[0] == refused[1]
        assert outcome(tenants, function, "-")[0] == "42501"
        empty = [call(tenants, function, tenant_id="A", webhook_config_id=aim) for aim in (NOTHING, app, other)]
        assert empty[0] == empty[1] == empty[2]
    settings = {"name": "x", "url": "https://example.com/", "events": ["*"]}
    refused = [outcome(tenants, "create_webhook_endpoint", name, settings=json.dumps(settings | {"tenant_id": name}))
               for name in ("B", "nobody")]  # fmt: skip
    assert refused[0] == refused[1]
    assert outcome(tenants, "create_webhook_endpoint", "-", settings=json.dumps(settings))[0] == "42501"
    as_owner(tenants)
    assert state() == before


def test_a_tenants_endpoint_from_its_creation_to_its_end(tenants: Database) -> None:
    """By the functions that admins use; a secret is returned once; each action is logged with the tenant."""
    become(tenants, "authenticated", ANA)
    made = create(tenants, "A")
    one = made["id"]
    assert made["secret_key"].startswith("whsec_")
    listed = call(tenants, "list_webhook_endpoints", tenant_id="A")
    assert (listed[0]["id"], listed[0]["tenant_id"]) == (one, "A")
    assert made["secret_key"] not in json.dumps(listed)
    assert tenants.execute("select secret_key, headers from public.webhook_configurations").fetchall() == [
        {"secret_key": None, "headers": None}
    ]
    call(tenants, "update_webhook_endpoint", one, json.dumps({"name": "renamed"}))
    assert call(tenants, "rotate_webhook_secret", one)["secret_key"] != made["secret_key"]
    call(tenants, "end_webhook_secret_overlap", one)
    tested = call(tenants, "send_test_webhook", one)["delivery_id"]
    as_owner(tenants)
    tenants.execute("update public.webhook_deliveries set status = 'failed'")
    become(tenants, "authenticated", ANA)
    assert call(tenants, "replay_webhook_deliveries", one, dry_run=True)["matching"] == 1
    assert call(tenants, "retry_webhook_delivery", tested)["status"] == "pending"
    while call(tenants, "delete_webhook_endpoint", one)["more"]:
        pass
    assert call(tenants, "list_webhook_endpoints", tenant_id="A") == []
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="unknown endpoint setting tenant_id"):
        call(tenants, "update_webhook_endpoint", create(tenants, "A")["id"], '{"tenant_id": "B"}')
    as_owner(tenants)
    logged = tenants.execute(
        "select distinct action, tenant_id, actor_id from public.webhook_admin_actions where webhook_config_id = %s"
        " and action <> 'delete_endpoint'", (one,)
    ).fetchall()  # fmt: skip
    assert {row["action"] for row in logged} >= {
        "create_endpoint",
        "update_endpoint",
        "rotate_secret",
        "send_test",
        "retry",
    }
    assert {(row["tenant_id"], row["actor_id"]) for row in logged} == {("A", ANA)}


def test_reading_is_not_managing(tenants: Database, endpoint: Callable[..., str]) -> None:
    """The permission that is asked for is the one that the call needs."""
    one = endpoint(tenant_id="A")
    tenants.execute("create table public.may (who uuid, id text, permission text)")
    tenants.execute("grant select on public.may to authenticated")
    tenants.execute("insert into public.may values (%s, 'A', 'read'), (%s, 'A', 'manage')", (ANA, BEN))
    tenants.execute(PERMISSIONS.encode())
    become(tenants, "authenticated", ANA)
    assert len(call(tenants, "list_webhook_endpoints", tenant_id="A")) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        call(tenants, "rotate_webhook_secret", one)
    become(tenants, "authenticated", BEN)
    assert call(tenants, "rotate_webhook_secret", one)["secret_key"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        call(tenants, "list_webhook_endpoints", tenant_id="A")
    assert tenants.execute("select from public.webhook_configurations").rowcount == 0


def test_customers_do_not_learn_the_staff_s_names(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Nor those of the workers' hosts: not in a delivery's timeline, nor in the reason for which it was skipped."""
    endpoint(tenant_id="A")
    dispatch(PAID, {"id": "1"}, None, None, "A")
    dispatch(PAID, {"id": "2"}, None, None, "A")
    first, second = [
        row["id"]
        for row in tenants.execute("select id::text from public.webhook_deliveries order by created_at, id").fetchall()
    ]
    tenants.execute("select public.claim_webhook_deliveries(2, 60, 'host-7')")
    tenants.execute("update public.webhook_deliveries set status = 'failed' where id = %s", (first,))
    tenants.execute("update public.webhook_deliveries set status = 'failed' where id = %s", (second,))
    as_admin(tenants)
    call(tenants, "retry_webhook_delivery", first)
    call(tenants, "retry_webhook_delivery", second)
    tenants.execute("select public.skip_webhook_deliveries(array[%s]::uuid[])", (second,))
    assert "admin@example.com" in json.dumps(call(tenants, "get_webhook_delivery", first))
    as_owner(tenants)
    tenants.execute("select public.claim_webhook_deliveries(2, 60, 'host-7')")
    become(tenants, "authenticated", ANA)
    for one in (first, second):
        text = json.dumps(call(tenants, "get_webhook_delivery", one))
        assert "admin@example.com" not in text
        assert "host-7" not in text
    assert "skipped by an admin" in text


#: What a tenant's endpoint must not be, with the error.
FORBIDDEN = [
    ({"url": "http://example.com/"}, "must begin with https://"),
    ({"url": "sqs://queue?region=us-east-1"}, "must begin with https://"),
    ({"url": "kafka://broker:9092/topic-name"}, "must begin with https://"),
    ({"credentials_profile": "aws"}, "has no credentials_profile"),
    ({"rate_limit_per_second": 101}, "100 deliveries a second together"),
]


@pytest.mark.parametrize(("settings", "message"), FORBIDDEN)
@pytest.mark.parametrize("who", ["its owner", "an admin"])
def test_what_a_tenants_endpoint_must_not_be(
    tenants: Database, settings: dict[str, Any], message: str, who: str
) -> None:
    """When it is created, and when it is changed, by anyone."""
    if who == "an admin":
        as_admin(tenants)
    else:
        become(tenants, "authenticated", ANA)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
        create(tenants, "A", **settings)
    made = create(tenants, "A")["id"]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
        call(tenants, "update_webhook_endpoint", made, json.dumps(settings))


def test_a_tenants_number_of_endpoints_and_deliveries_a_second(tenants: Database) -> None:
    """Twenty and a hundred by default, and others for a tenant; deleted ones do not count, another tenant's neither."""
    become(tenants, "authenticated", BEN)
    create(tenants, "B")
    become(tenants, "authenticated", ANA)
    made = [create(tenants, "A")["id"] for _ in range(20)]
    with pytest.raises(
        psycopg.errors.InvalidParameterValue, match='the tenant "A" has 20 endpoints, which is its limit'
    ):
        create(tenants, "A")
    total = tenants.execute("select sum(rate_limit_per_second) as n from public.webhook_configurations").fetchone()
    assert total == {"n": 100}
    call(tenants, "delete_webhook_endpoint", made[0], keep_history=True)
    call(tenants, "delete_webhook_endpoint", made[0], keep_history=True)
    create(tenants, "A")
    as_owner(tenants)
    tenants.execute(
        "insert into public.webhook_tenant_limits (tenant_id, endpoints, schemes) values ('A', 21, '{https,http}')"
    )
    become(tenants, "authenticated", ANA)
    create(tenants, "A", url="http://example.com/")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="21 endpoints"):
        create(tenants, "A")


def test_an_endpoint_stays_its_tenants(tenants: Database, endpoint: Callable[..., str]) -> None:
    """Its history would go along. One of the app's own can be given to a tenant."""
    one = endpoint(tenant_id="A")
    for other in ("B", None):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="belongs to a tenant, which cannot change"):
            tenants.execute("update public.webhook_configurations set tenant_id = %s where id = %s", (other, one))
    own = endpoint()
    tenants.execute("update public.webhook_configurations set tenant_id = 'A' where id = %s", (own,))
    for wrong in ("", "x" * 256):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="1 to 255 characters"):
            endpoint(tenant_id=wrong)


def test_workers_learn_which_endpoints_must_be_public(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Callable[..., Any]
) -> None:
    """A tenant's, unless its limits allow private networks; the app's own never."""
    tenants.execute("insert into public.webhook_tenant_limits (tenant_id, private_networks) values ('B', true)")
    wanted = {endpoint(): None, endpoint(tenant_id="A"): True, endpoint(tenant_id="B"): None}
    dispatch(PAID, {"id": "1"}, None, None, "A")
    dispatch(PAID, {"id": "1"}, None, None, "B")
    assert {row["endpoint"]["id"]: row["endpoint"].get("public_only") for row in claim()} == wanted


#: A hundred thousand tenants, each with an endpoint for everything.
MANY = """
select set_config('session_replication_role', 'replica', false);
insert into public.webhook_configurations (name, url, events, tenant_id)
select 'of ' || n, 'https://example.com/', '{*}', 'tenant ' || n from generate_series(1, 100000) as n;
insert into public.webhook_deliveries
    (webhook_config_id, event_type, payload, status, tenant_id, finished_at, request_id)
select c.id, 'order.paid', '{}', 'delivered', c.tenant_id, now(), gen_random_uuid()
from public.webhook_configurations as c where c.tenant_id like 'tenant %';
insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)
select d.id, 1, now(), 1, true from public.webhook_deliveries as d;
select set_config('session_replication_role', 'origin', false);
"""


def pages(db: Database, sql: str, *arguments: Any) -> int:
    """Return how many pages a statement reads, once its functions are compiled."""
    read = 0
    for _ in range(2):
        with db.transaction(force_rollback=True):
            row = db.execute(f"explain (analyze, buffers, format json) {sql}".encode(), arguments).fetchone()
        assert row is not None
        plan = row["QUERY PLAN"][0]["Plan"]
        read = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return int(read)


def test_100000_tenants_cost_nothing(tenants: Database, endpoint: Callable[..., str]) -> None:
    """A dispatch reads about as many pages as alongside two; so does what a tenant's user reads, by its indexes."""
    own = endpoint(tenant_id="A")
    endpoint()
    endpoint(tenant_id="B")
    one = {"tenant_id": "A"}
    statements = {
        "dispatch": f"select public.dispatch_webhook('{PAID}', '{{\"id\": \"1\"}}')",
        "dispatch for a tenant": f"select public.dispatch_webhook('{PAID}', '{{\"id\": \"1\"}}', tenant_id => 'A')",
        "claim": "select public.claim_webhook_deliveries()",
    }
    for name in ("dispatch", "dispatch for a tenant"):
        tenants.execute(statements[name].encode())
    few = {name: pages(tenants, sql) for name, sql in statements.items()}
    tenants.execute(MANY.encode())
    for analyzed in (False, True):
        if analyzed:
            tenants.execute("vacuum analyze")
        for name, sql in statements.items():
            assert pages(tenants, sql) <= 3 * few[name] + 100, (name, analyzed)
    delivery = tenants.execute(
        "select d.id::text from public.webhook_deliveries as d join public.webhook_configurations as c"
        " on c.id = d.webhook_config_id where c.tenant_id = 'A' limit 1"
    ).fetchone()
    assert delivery
    become(tenants, "authenticated", ANA)
    reads = {
        "select id from public.webhook_configurations where tenant_id = 'A'": 100,
        "select id from public.webhook_deliveries where tenant_id = 'A' order by created_at desc limit 50": 300,
        f"select number from public.webhook_attempts where delivery_id = '{delivery['id']}'": 200,
        f"select public.list_webhook_endpoints(tenant_id => '{one['tenant_id']}')": 1000,
        f"select public.list_webhook_endpoints('{own}')": 1000,
        f"select public.search_webhook_deliveries(tenant_id => '{one['tenant_id']}')": 1000,
        f"select public.get_webhook_delivery('{delivery['id']}')": 1000,
    }
    # what names no tenant is found by the index too, as the policies' conditions are on indexes
    reads |= {"select id from public.webhook_configurations": 300, "select id from public.webhook_deliveries": 300}
    found = {sql: pages(tenants, sql) for sql in reads}
    assert {sql: n for sql, n in found.items() if n > reads[sql]} == {}, found


def test_a_large_tenant_delays_another_by_one_batch(
    tenants: Database, endpoint: Callable[..., str], claim: Callable[..., Any]
) -> None:
    """Fifty endpoints with twenty thousand rows that are due: the one row of another is in the next batch."""
    tenants.execute(
        "insert into public.webhook_tenant_limits (tenant_id, endpoints, deliveries_per_second) values ('A', 50, 50000)"
    )
    for _ in range(50):
        endpoint(tenant_id="A")
    other = endpoint(tenant_id="B")
    tenants.execute("insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
                    " select c.id, 'order.paid', '{}' from public.webhook_configurations as c, generate_series(1, 400)"
                    " where c.tenant_id = 'A'")  # fmt: skip
    tenants.execute("insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
                    " values (%s, 'order.paid', '{}')", (other,))  # fmt: skip
    assert other in {row["endpoint_id"] for row in claim(100)}


def test_a_tenants_slow_receivers_leave_places_to_others(tenants: Database, endpoint: Callable[..., str]) -> None:
    """With as many in flight as five endpoints may have, a tenant gets no more; others do, and so do its first ones."""
    theirs = [endpoint(tenant_id="A") for _ in range(6)]
    others = [endpoint(tenant_id="B"), endpoint(), endpoint()]
    tenants.execute("insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
                    " select id, 'order.paid', '{}' from public.webhook_configurations")  # fmt: skip

    def claimed(in_flight: dict[str, int]) -> tuple[set[str], float]:
        with tenants.transaction(force_rollback=True):
            found = call(tenants, "claim_webhook_deliveries", per_endpoint=10, busy=json.dumps(in_flight))
        return {str(row["endpoint_id"]) for row in found["deliveries"]}, found["due_in_seconds"]

    # an endpoint of the app's own has as many as it likes
    assert claimed(dict.fromkeys([*theirs[:5], others[1]], 9))[0] == {*theirs, *others}
    found, again = claimed(dict.fromkeys(theirs[:5], 10))
    assert found == set(others)
    # nothing announces a free place
    assert again <= 0.1
    found, again = claimed({**dict.fromkeys(theirs[:4], 9), theirs[4]: 14, others[2]: 9})
    assert found == set(others)
    assert claimed(dict.fromkeys(others[1:], 30))[0] == {*theirs, others[0]}


def test_the_app_is_told_of_a_tenants_failing_endpoint(tenants: Database, endpoint: Callable[..., str]) -> None:
    """When it fails for long, is disabled, and recovers: with the tenant, to the app's own subscribers by name."""
    endpoint(name="app", events="{webhooks.*}")
    endpoint(name="all")
    one = endpoint(name="A's", tenant_id="A")
    own = endpoint(name="own", events="{user.*}")

    def events() -> list[tuple[str, Any, Any]]:
        call(tenants, "evaluate_webhook_alerts", "{}")
        rows = tenants.execute(
            "delete from public.webhook_deliveries as d using public.webhook_configurations as c"
            " where c.id = d.webhook_config_id returning c.name, d.event_type, d.payload -> 'data' as data, d.tenant_id"
        ).fetchall()
        assert {row["name"] for row in rows} <= {"app"}
        return [(row["event_type"], row["data"]["webhook_config_id"], row["tenant_id"]) for row in rows]

    assert events() == []
    for name in (one, own):
        tenants.execute("update public.webhook_circuits set failing_since = now() - interval '1 hour'"
                        " where webhook_config_id = %s", (name,))  # fmt: skip
    assert events() == [("webhooks.endpoint_failing", one, "A")]
    assert events() == []
    tenants.execute(
        "update public.webhook_configurations set is_active = false, disabled_at = now() where id = %s", (one,)
    )
    assert events() == [("webhooks.endpoint_disabled", one, "A")]
    tenants.execute("update public.webhook_configurations set is_active = true where id = %s", (one,))
    assert events() == [("webhooks.endpoint_recovered", one, "A")]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="not in the catalog"):
        endpoint(tenant_id="A", events="{webhooks.*}")


def test_erased_payloads(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """Of a tenant, of a user or before a time, in batches: the rows stay, and cannot be sent again. It is logged."""
    endpoint(name="app")
    for tenant, actor in (("A", ANA), ("A", BEN), ("B", BEN)):
        dispatch(PAID, {"id": tenant}, actor, None, tenant)
    record(*claim(), response_status=200, response_excerpt="secret", response_headers={"x": "y"})
    dispatch(PAID, {"id": "A"}, ANA, None, "A")

    def left() -> list[tuple[str, str]]:
        rows = tenants.execute(
            "select tenant_id, actor_id from public.webhook_deliveries"
            " where payload <> '{}' and response_body is not null order by 1, 2"
        ).fetchall()
        return [(row["tenant_id"], row["actor_id"]) for row in rows]

    with pytest.raises(psycopg.errors.InvalidParameterValue, match="needs a tenant_id, an actor or a time"):
        call(tenants, "erase_webhook_payloads")
    assert call(tenants, "erase_webhook_payloads", before="2020-01-01")["erased"] == 0
    assert call(tenants, "erase_webhook_payloads", tenant_id="A", actor=ANA)["erased"] == 1
    assert left() == [("A", BEN), ("B", BEN)]
    erased, then, calls = 0, {}, 0
    while then is not None:
        done = call(tenants, "erase_webhook_payloads", tenant_id="A", at_most=1, **then)
        erased, then, calls = erased + done["erased"], done["next"], calls + 1
    assert (erased, calls, left()) == (1, 4, [("B", BEN)])
    attempts = tenants.execute(
        "select count(*) filter (where response_excerpt is null and response_headers is null) as erased, count(*) as n"
        " from public.webhook_attempts"
    ).fetchone()
    assert attempts == {"erased": 2, "n": 3}
    waiting = tenants.execute(
        "select payload #>> '{data,id}' as id from public.webhook_deliveries where status = 'pending'"
    )
    assert waiting.fetchall() == [{"id": "A"}]
    (gone,) = tenants.execute(
        "select id::text from public.webhook_deliveries where erased_at is not null limit 1"
    ).fetchall()
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="was erased: it cannot be sent again"):
        call(tenants, "retry_webhook_delivery", gone["id"])
    assert call(tenants, "replay_webhook_deliveries", status="delivered", dry_run=False)["replayed"] == 1
    assert call(tenants, "retry_webhook_deliveries", [gone["id"]])["retried"] == 0
    logged = tenants.execute(
        "select tenant_id, sum((details ->> 'erased')::integer) as n from public.webhook_admin_actions"
        " where action = 'erase_payloads' group by 1 order by 1"
    ).fetchall()
    assert logged == [{"tenant_id": "A", "n": 2}, {"tenant_id": None, "n": 0}]


def test_erased_trigger_errors(tenants: Database) -> None:
    """What was kept of the events of a tenant, or of a user."""
    for tenant, actor in (("A", ANA), ("B", BEN)):
        data = json.dumps([{"data": {"x": 1}, "tenant": tenant, "actor": actor}])
        tenants.execute("insert into public.webhook_trigger_errors (source, code, message, data) values"
                        " ('t', '22023', 'x is 1', %s)", (data,))  # fmt: skip
    assert call(tenants, "erase_webhook_payloads", tenant_id="A")["trigger_errors"] == 1
    assert call(tenants, "erase_webhook_payloads", tenant_id="A")["trigger_errors"] == 0
    kept = tenants.execute(
        "select data #>> '{0,tenant}' as t, message from public.webhook_trigger_errors order by 1"
    ).fetchall()
    assert kept == [{"t": "B", "message": "x is 1"}, {"t": None, "message": "erased"}]
    assert call(tenants, "erase_webhook_payloads", actor=BEN)["trigger_errors"] == 1
    # of a statement that changed the rows of several, the others' events can still be sent
    items = [{"data": {"x": n}, "tenant": tenant} for n, tenant in enumerate(("A", "B", "A", "C"))]
    tenants.execute("insert into public.webhook_trigger_errors (source, code, message, data) values"
                    " ('t', '22023', 'x is 1', %s)", (json.dumps(items),))  # fmt: skip
    for tenant, left in (("A", ["B", "C"]), ("B", ["C"]), ("C", None)):
        assert call(tenants, "erase_webhook_payloads", tenant_id=tenant)["trigger_errors"] == 1
        row = tenants.execute(
            "select jsonb_path_query_array(data, '$[*].tenant') as it, message from public.webhook_trigger_errors"
            " order by occurred_at desc limit 1"
        ).fetchone()
        assert row == {"it": left, "message": "erased"}


@pytest.mark.parametrize("payloads", [True, False])
def test_a_viewer_sees_payloads_only_if_allowed(
    tenants: Database,
    endpoint: Callable[..., str],
    dispatch: Callable[..., Any],
    claim: Any,
    record: Any,
    payloads: bool,
) -> None:
    """app_metadata says whether; nothing can be changed either way."""
    one = endpoint()
    dispatch(PAID, {"id": "1"})
    record(*claim(), response_status=200, response_excerpt="their response", response_headers={"x": "y"})
    (row,) = tenants.execute("select id::text from public.webhook_deliveries").fetchall()
    staff = "00000000-0000-0000-0000-0000000000fe"
    become(tenants, "authenticated", staff)
    claims = {"sub": staff, "app_metadata": {"webhooks_role": "viewer", "webhooks_payloads": payloads}}
    tenants.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps(claims),))
    shown = call(tenants, "get_webhook_delivery", row["id"])
    assert (shown["status"], len(shown["attempt_log"])) == ("delivered", 1)
    assert [bool(shown[name]) for name in ("body", "pretty_body", "response_body")] == [payloads] * 3
    assert ("their response" in json.dumps(shown)) is payloads
    assert len(call(tenants, "search_webhook_deliveries")["deliveries"]) == 1
    if payloads:
        assert call(tenants, "search_webhook_deliveries", payload_path="data.id")["deliveries"]
    else:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="cannot search in payloads"):
            call(tenants, "search_webhook_deliveries", payload_path="data.id")
    for function, arguments in (("rotate_webhook_secret", (one,)), ("retry_webhook_delivery", (row["id"],)),
                                ("erase_webhook_payloads", ("A",))):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only webhook admins"):
            call(tenants, function, *arguments)
    assert tenants.execute("select from public.webhook_deliveries").rowcount == 0


def test_a_shorter_retention_for_a_tenant_and_for_a_type(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """What is finished goes after that time, a batch at a time; the rest stays, and so does what is not finished."""
    endpoint()
    tenants.execute("insert into public.webhook_tenant_limits (tenant_id, keep_for) values ('A', '2 days')")
    tenants.execute("update public.webhook_event_types set keep_for = '3 days' where name = 'user.joined_community'")
    for tenant in ("A", "A", "B"):
        dispatch(PAID, {"id": "1"}, None, None, tenant)
    for _ in range(3):
        dispatch()
    record(*claim())
    dispatch(PAID, {"id": "1"}, None, None, "A")

    def aged(interval: str) -> list[Any]:
        tenants.execute("update public.webhook_deliveries set finished_at = finished_at - %s::interval,"
                        " created_at = created_at - %s::interval", (interval, interval))  # fmt: skip
        for _ in range(6):
            call(tenants, "purge_webhook_history", "30 days", 2)
        rows = tenants.execute(
            "select tenant_id as t, status as s from public.webhook_deliveries order by 1, 2"
        ).fetchall()
        return [(row["t"], row["s"]) for row in rows]

    kept = [("B", "delivered")]
    types = [(None, "delivered")] * 3
    assert aged("1 day") == [*[("A", "delivered")] * 2, ("A", "pending"), *kept, *types]
    assert aged("1 day 1 hour") == [("A", "pending"), *kept, *types]
    assert aged("1 day 1 hour") == [("A", "pending"), *kept]


def test_what_is_retried_meanwhile_is_not_purged(tenants: Database, dsn: str, endpoint: Callable[..., str]) -> None:
    """The purge of a tenant's old deliveries waits for the retry, and then leaves the delivery to it."""
    tenants.execute("insert into public.webhook_tenant_limits (tenant_id, keep_for) values ('A', '2 days')")
    tenants.execute(
        "insert into public.webhook_deliveries"
        " (webhook_config_id, event_type, payload, status, created_at, finished_at)"
        " values (%s, %s, '{}', 'failed', now() - interval '3 days', now() - interval '3 days')",
        (endpoint(tenant_id="A"), PAID),
    )
    with psycopg.connect(dsn) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select public.retry_webhook_delivery(id) from public.webhook_deliveries")
        purge = pool.submit(call, tenants, "purge_webhook_history", "30 days")
        waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        with psycopg.connect(dsn, autocommit=True) as watch:
            while not watch.execute(waiting).rowcount and not purge.done():
                time.sleep(0.01)
        other.commit()
        purge.result(60)
    assert tenants.execute("select status from public.webhook_deliveries").fetchall() == [{"status": "pending"}]
    assert tenants.execute("select from webhooks.delivery_queue").rowcount == 1


def test_named_fields_are_redacted_once_delivered(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """The receiver gets them; what is stored afterwards has none of them, and is not sent again."""
    endpoint()
    tenants.execute("update public.webhook_event_types set redact = '{community_name,no.such,community_city}'"
                    " where name = 'user.joined_community'")  # fmt: skip
    dispatch()
    (row,) = claim()
    assert json.loads(row["body"])["data"] == JOINED
    record(row)
    dispatch()
    call(tenants, "purge_webhook_history", "30 days")
    rows = tenants.execute(
        "select id::text, status, payload -> 'data' as data from public.webhook_deliveries order by 2"
    ).fetchall()
    assert [(one["status"], one["data"]) for one in rows] == [
        ("delivered", {**JOINED, "community_name": "[redacted]", "community_city": "[redacted]"}),
        ("pending", JOINED),
    ]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="was erased"):
        call(tenants, "retry_webhook_delivery", rows[0]["id"])


def test_what_has_no_field_to_redact_can_be_sent_again(
    tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """Nothing of it was overwritten."""
    endpoint()
    tenants.execute("update public.webhook_event_types set redact = '{no.such}' where name = 'user.joined_community'")
    dispatch()
    record(*claim())
    call(tenants, "purge_webhook_history", "30 days")
    row = tenants.execute(
        "select id::text, erased_at, payload -> 'data' as data from public.webhook_deliveries"
    ).fetchone()
    assert row is not None
    assert (row["erased_at"], row["data"]) == (None, JOINED)
    assert call(tenants, "retry_webhook_delivery", row["id"])["status"] == "pending"


def test_a_customer_floods_no_one_with_tests(tenants: Database, endpoint: Callable[..., str]) -> None:
    """They come out of the same allowance as a user's events."""
    tenants.execute("create or replace function webhooks.dispatch_limit_per_minute() returns integer language sql"
                    " set search_path = pg_catalog, pg_temp as 'select 2'")  # fmt: skip
    one = endpoint(tenant_id="A")
    become(tenants, "authenticated", ANA)
    for _ in range(2):
        call(tenants, "send_test_webhook", one)
    with pytest.raises(psycopg.Error, match="more than 2 events in a minute"):
        call(tenants, "send_test_webhook", one)
    as_admin(tenants)
    assert call(tenants, "send_test_webhook", one)["delivery_id"]
