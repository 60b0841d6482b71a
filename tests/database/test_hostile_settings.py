"""What a customer sets, or passes: rejected with its name, or it works; it never stops what is another's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import as_admin, call
from tests.database.test_dispatch import ANA, become
from tests.database.test_tenants import PAID, as_owner, create, tenants

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

__all__ = ["tenants"]

#: Numbers as JSON can write them: none, none that is one, at and beyond each bound of a type.
NUMBERS = [None, 0, -1, 1, 1.5, 120, 10_000, 2**31, "NaN", "Infinity", "x", [1], True]

#: setting -> values of hostile kinds.
SETTINGS: dict[str, list[Any]] = {
    "expires_after": [
        "178000000 years", "10000 years", "11 years", "10 years", "infinity", "-infinity", "1 microsecond", "-1 day",
        "1 month -29 days", "", "P1Y", 5, ["1 day"], {}, True,
    ],
    "retry_schedule": [
        [[5, 300]], [[[0]]], [[]], [], [0], [604_800] * 19, [0] * 20, [None], ["5"], "{5,300}", "[5:6]={5,300}",
        "quick", {"0": 5}, 5, True, [1.5], [2**31], [-1],
    ],
    "events": [
        [["*"]], [["*"], [PAID]], "{*}", "[5:5]={*}", "[0:1]={*,order.paid}", "{{*}}", ["*"] * 1000, ["*"] * 1001,
        [PAID, PAID], [], [None], [1], "*", {"0": "*"}, ["x" * 100_000], [""],
        ["order.*\n"], ["ORDER.PAID"], ["webhooks.*"], True,
    ],
    "name": ["", " ", "x" * 200, "x" * 201, "\u202etxt.exe", "\u200f", "💣" * 200,
        "a\nb", "\x1b[2J", "' or ''='", '"\\', 5, ["a"], {}],
    "url": [
        "https://example.com/\u202e", "https://example.com/\n", "HTTPS://EXAMPLE.com/", "https://[::1]/", "https://2130706433/",
        "https://example.com/?" + "x" * 1980, "https://example.com/" + "x" * 2000, "listen:x", "javascript:alert(1)", "file:///etc",
        "https:///x",
        "https://a@b/", "https://b\\@c/", "http://example.com/", "sqs://q?region=eu", 5, {}, ["https://example.com/"],
    ],
    "headers": [
        {"X": "a\r\nb"}, {"X\r\nY": "a"}, {"": "a"}, {"X": ""}, {"X": None}, {"X": 1}, {"X": {"a": 1}}, [["X", "a"]],
        "x", 1, True, {}, {"Host": "evil"}, {"webhook-id": "x"}, {"X": "é"}, {"X": "a" * 4096},
        dict.fromkeys(map(str, range(51)), "a"),
        {"x": "a", "X": "b"},
        {"__proto__": "a"},
    ],
    "is_active": [None, "yes", "maybe", 0, 2, [True]],
    "managed_by": ["", "x" * 200, "x" * 201, 5, {}],
    "credentials_profile": ["", "aws", 5, {}],
    "secret_key": ["x"],
    "id": ["00000000-0000-0000-0000-000000000000"],
    "deleted_at": ["now"],
    "created_by": [ANA],
    **dict.fromkeys(("max_attempts", "rate_limit_per_second", "max_concurrency", "timeout_seconds",
                     "circuit_failure_threshold", "circuit_reset_seconds"), NUMBERS),
}  # fmt: skip


def everything_goes_on(db: Database, claim: Callable[..., Any], record: Callable[..., Any]) -> None:
    """Each delivery is claimed, fails, is claimed again and delivered; all lists can be read; the purge runs."""
    as_owner(db)
    for tenant in ("A", "B"):
        call(db, "dispatch_webhook", PAID, '{"id": "1"}', tenant_id=tenant)
    for status in (None, None, 429):
        claimed = claim()
        assert "of B" in {endpoint_names(db)[row["endpoint_id"]] for row in claimed}
        record(*claimed, delivered=False, response_status=status, health=None)
        db.execute("update public.webhook_deliveries set next_attempt_at = now() where status = 'pending'")
    record(*claim())
    found = db.execute("select d.status from public.webhook_deliveries as d join public.webhook_configurations as c"
                       " on c.id = d.webhook_config_id where c.name = 'of B'").fetchall()  # fmt: skip
    assert {row["status"] for row in found} == {"delivered"}
    call(db, "purge_webhook_history", "90 days")
    call(db, "evaluate_webhook_alerts", '{"channels": {}, "with_rate": true}')
    as_admin(db)
    for one in call(db, "list_webhook_endpoints"):
        assert all(isinstance(event, str) for event in one["events"]), one["events"]
        assert all(isinstance(wait, int) for wait in one["retry_schedule"] or []), one["retry_schedule"]
    for row in call(db, "search_webhook_deliveries")["deliveries"]:
        call(db, "get_webhook_delivery", row["id"])
    call(db, "webhook_overview")
    as_owner(db)


def endpoint_names(db: Database) -> dict[str, str]:
    """Return each endpoint's name."""
    return {str(row["id"]): row["name"] for row in db.execute("select id, name from public.webhook_configurations")}


def refusal(db: Database, change: Callable[[], Any]) -> psycopg.Error | None:
    """Return the error of a change, which undoes it; None if it was made."""
    try:
        with db.transaction():
            change()
    except psycopg.Error as error:
        return error
    return None


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_of_any_kind(
    tenants: Database,
    endpoint: Callable[..., str],
    claim: Callable[..., Any],
    record: Callable[..., Any],
    setting: str,
) -> None:
    """Created or changed: rejected as wrong, in few words, or taken; either way both tenants' deliveries go on."""
    endpoint(name="of B", tenant_id="B", retry_schedule=[0, 0, 0, 0, 0, 0], rate_limit_per_second=90)
    accepted = 0
    for value in SETTINGS[setting]:
        with tenants.transaction(force_rollback=True):
            become(tenants, "authenticated", ANA)
            made, taken = create(tenants, "A")["id"], 0
            for change in (
                lambda value=value: create(tenants, "A", **{"name": "new", setting: value}),
                lambda value=value, made=made: call(
                    tenants, "update_webhook_endpoint", made, json.dumps({setting: value})
                ),
            ):
                error = refusal(tenants, change)
                taken += error is None
                assert error is None or str(error.sqlstate)[:2] in {"0A", "22", "23"}, (value, error)
                assert len(str(error)) < 4000, (setting, str(error)[:200])
            if taken:
                everything_goes_on(tenants, claim, record)
        accepted += taken
    assert accepted or setting in {"secret_key", "id", "deleted_at", "created_by"}


@pytest.mark.parametrize(
    ("column", "value"), [("expires_after", "10000 years"), ("retry_schedule", "{{5,300}}"),
                          ("retry_schedule", "[0:0]={5}"), ("events", "{{*}}"), ("events", "[0:0]={*}")]
)  # fmt: skip
def test_not_by_the_table_either(endpoint: Callable[..., str], column: str, value: str) -> None:
    """A server's write is checked as a customer's is."""
    with pytest.raises(
        (psycopg.errors.CheckViolation, psycopg.errors.InvalidParameterValue, psycopg.errors.FeatureNotSupported)
    ):
        endpoint(**{column: value})


#: As a tenant's id: what is none, or looks as if it ended a text, an array or a line.
IDS = ["", " A", "A ", "a", "A'", 'A"', "A\\", "{A}", "A,B", "A%", "_", "null", "💣", "\u202eA", "A\u200f", "A\n",
       "A" * 255,
       "A" * 256, "A" * 10_000, "' or true--"]  # fmt: skip


def test_a_tenants_id_of_any_kind(tenants: Database, endpoint: Callable[..., str]) -> None:
    """None but the very one gives access; as an id of an event and of an endpoint each is only itself."""
    endpoint(name="A", tenant_id="A")
    become(tenants, "authenticated", ANA)
    for one in IDS:
        for function in ("list_webhook_endpoints", "search_webhook_deliveries"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                call(tenants, function, tenant_id=one)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            create(tenants, one or None)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            call(tenants, "dispatch_webhook", PAID, '{"id": "1"}', tenant_id=one)
    as_owner(tenants)
    for one in IDS:
        if not 1 <= len(one) <= 255:
            for act in (
                lambda one=one: call(tenants, "dispatch_webhook", PAID, '{"id": "1"}', tenant_id=one),
                lambda one=one: endpoint(tenant_id=one),
            ):
                with pytest.raises(psycopg.errors.InvalidParameterValue, match="1 to 255 characters"):
                    act()
            continue
        endpoint(name=one, tenant_id=one)
        assert call(tenants, "dispatch_webhook", PAID, '{"id": "1"}', tenant_id=one)["deliveries"] == 1
        (found,) = call(tenants, "list_webhook_endpoints", tenant_id=one)
        assert (found["name"], found["tenant_id"]) == (one, one)
    assert len(call(tenants, "list_webhook_endpoints", tenant_id="A")) == 1
    assert call(tenants, "search_webhook_deliveries", tenant_id="A")["deliveries"] == []


def test_a_row_whose_tenants_id_is_too_long(tenants: Database, endpoint: Callable[..., str]) -> None:
    """Its event is kept as an error; the others of the statement are sent."""
    endpoint(name="A", tenant_id="A")
    tenants.execute("create table public.orders (id text primary key, organization_id text)")
    call(tenants, "webhook_attach", "public.orders", PAID, "insert", '["id"]', tenant="organization_id")
    tenants.execute(
        "insert into public.orders select n::text, case n when 2 then (select string_agg(md5(i::text), '')"
        " from generate_series(1, 1000) as i) when 3 then '' else 'A' end from generate_series(1, 4) as n"
    )
    found = tenants.execute("select payload #>> '{data,id}' as id from public.webhook_deliveries order by 1").fetchall()
    assert [row["id"] for row in found] == ["1", "4"]
    errors = tenants.execute(
        "select sum(events) as n, min(message) as why from public.webhook_trigger_errors"
    ).fetchone()
    assert errors is not None
    assert errors["n"] == 2
    assert "1 to 255 characters" in errors["why"]


def test_null_is_not_yes(tenants: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """A client that passes null for an argument left out gets what is left out: a count, and nothing sent."""
    one = endpoint(tenant_id="A")
    dispatch(PAID, {"id": "1"}, None, None, "A")
    tenants.execute("update public.webhook_deliveries set status = 'failed'")
    become(tenants, "authenticated", ANA)
    assert call(tenants, "replay_webhook_deliveries", one, dry_run=None)["replayed"] == 0
    assert call(tenants, "replay_webhook_deliveries", one, dry_run=None)["matching"] == 1
