"""`plan`, `apply` and `export` on a real database: endpoints and event types as code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.retries import PRESETS
from supabase_webhooks.webhooks.sealing import generate_key
from supabase_webhooks.webhooks.signing import generate_secret
from tests.cli.conftest import run
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Code = Callable[..., Done]

FILE = """
[endpoints.crm]
url = "env(CRM_URL)"
secret = "env(CRM_SECRET)"
events = ["user.*"]
expires_after = "3d"
headers = { Authorization = "env(CRM_TOKEN)", X-Team = "web" }

[endpoints."n8n, staging"]
url = "https://n8n.example.com/x"
retry_schedule = [5, 300]
max_concurrency = 2
"""
EVENT = """
[events."order.paid"]
description = "An order was paid."
data_schema = { type = "object", required = ["id"], properties = { id = { type = "string" } } }
"""
ENVIRONMENT = {
    "CRM_URL": "https://hooks.example.com/services/T0KEN",
    "CRM_SECRET": generate_secret(),
    "CRM_TOKEN": "Bearer geheim",
}


@pytest.fixture
def code(system: System, tmp_path: Path) -> Code:
    """Run a command with a webhooks.toml; `text` replaces it. Nothing that it prints holds a value of ENVIRONMENT."""
    file = tmp_path / "webhooks.toml"
    file.write_text(FILE)

    def call(command: str, *options: str, text: str | None = None, **variables: str) -> Done:
        if text is not None:
            file.write_text(text)
        values = {**ENVIRONMENT, **variables}
        done = run(command, "--file", str(file), *options, variables={**system.settings(), **values})
        shown = [value for value in values.values() if value in done.out + done.err]
        assert shown == []
        return done

    return call


def endpoints(system: System) -> dict[str, Any]:
    """Return all endpoints that are not deleted, with their secrets and headers, by name."""
    sql = """
        select c.name, c.id::text, c.url, c.events, c.retry_schedule, c.expires_after::text, c.max_concurrency,
               c.is_active, c.managed_by, c.updated_at, s.secret_key, s.headers
        from public.webhook_configurations as c
        left join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id
        where c.deleted_at is null
    """
    return {str(row["name"]): row for row in system.db.execute(sql.encode()).fetchall()}


def settings(done: Done) -> dict[str, set[str]]:
    """Return the settings that a plan changes, by endpoint or event."""
    return {one["name"]: {d["setting"] for d in one["differences"]} for one in done.json["changes"]}


def test_from_a_file_to_endpoints(system: System, code: Code) -> None:
    """Planned with 2, carried out, then planned with 0: each setting as the file has it, secrets and all."""
    planned = code("plan")
    assert planned.code == 2
    assert "+ endpoint crm" in planned.out
    assert "env(CRM_URL)" in planned.out
    assert "2 to create, 0 to change, 0 to delete" in planned.out
    assert endpoints(system) == {}

    done = code("apply", "--yes")
    assert done.code == 0, done.err
    assert "n8n, staging has a new secret" in done.err
    made = endpoints(system)
    crm = made["crm"]
    assert (crm["url"], crm["secret_key"], crm["events"]) == (
        ENVIRONMENT["CRM_URL"], ENVIRONMENT["CRM_SECRET"], ["user.*"],
    )  # fmt: skip
    assert crm["headers"] == {"Authorization": ENVIRONMENT["CRM_TOKEN"], "X-Team": "web"}
    assert (crm["retry_schedule"], crm["expires_after"]) == (list(PRESETS["standard"]), "3 days")
    n8n = made["n8n, staging"]
    assert (n8n["events"], n8n["retry_schedule"], n8n["max_concurrency"]) == (["*"], [5, 300], 2)
    assert {one["managed_by"] for one in made.values()} == {"webhooks.toml"}

    again = code("plan")
    assert (again.code, again.out) == (0, "Nothing differs.\n")
    assert code("apply").code == 0
    assert endpoints(system) == made


def test_only_what_differs_is_written(system: System, code: Code) -> None:
    """One setting, a secret, a URL to another host: what goes with it, and nothing of the other endpoint."""
    assert code("apply", "--yes").code == 0
    before = endpoints(system)
    text = FILE.replace('expires_after = "3d"', "rate_limit_per_second = 5")
    assert settings(code("plan", "--json", text=text)) == {"crm": {"expires_after", "rate_limit_per_second"}}
    assert code("apply", "--yes").code == 0
    crm = endpoints(system)["crm"]
    assert (crm["expires_after"], crm["secret_key"], crm["headers"]) == (
        None, before["crm"]["secret_key"], before["crm"]["headers"],
    )  # fmt: skip

    rotated = {"CRM_SECRET": generate_secret(), "CRM_URL": "https://elsewhere.example.com/x"}
    assert settings(code("plan", "--json", **rotated)) == {"crm": {"secret", "url"}}
    assert "https://hooks.example.com/..." in code("plan", **rotated).out
    assert code("apply", "--yes", **rotated).code == 0
    crm = endpoints(system)["crm"]
    assert (crm["url"], crm["secret_key"]) == (rotated["CRM_URL"], rotated["CRM_SECRET"])
    # which the database drops with the old host
    assert crm["headers"] == before["crm"]["headers"]
    assert endpoints(system)["n8n, staging"] == before["n8n, staging"]
    assert code("plan", **rotated).code == 0

    # a header's value is written on demand: that it differs cannot be seen
    assert code("plan", CRM_TOKEN="Bearer other", **rotated).code == 0
    assert code("apply", "--headers", CRM_TOKEN="Bearer other", **rotated).code == 0
    assert endpoints(system)["crm"]["headers"]["Authorization"] == "Bearer other"


def test_what_it_does_not_manage_stays(system: System, code: Code) -> None:
    """Endpoints of people and of other files, a pause by hand; what the file no longer has is deleted, not its past."""
    system.endpoint("https://people.example.com/x", name="people")
    assert code("apply", "--yes").code == 0
    other = FILE.replace("endpoints.crm", "endpoints.other").replace('"n8n, staging"', "third")
    assert code("apply", "--yes", text='managed_by = "other"\n' + other).code == 0
    assert set(endpoints(system)) == {"people", "crm", "n8n, staging", "other", "third"}

    system.dispatch(1)
    system.db.execute("update public.webhook_configurations set is_active = false where name = 'crm'")
    only_crm = FILE.partition('[endpoints."n8n')[0]
    planned = code("plan", text=only_crm)
    assert "- endpoint n8n, staging  its history is kept" in planned.out
    refused = code("apply")
    assert (refused.code, "add --yes" in refused.err) == (2, True)
    assert "n8n, staging" in endpoints(system)
    assert code("apply", "--yes").code == 0
    left = endpoints(system)
    assert set(left) == {"people", "crm", "other", "third"}
    assert left["crm"]["is_active"] is False
    assert len(system.rows()) == 5
    assert code("plan", text=only_crm.replace("events", "is_active = true\nevents")).code == 2


def test_what_exists_is_taken_over_only_on_demand(system: System, code: Code, webhooks: Code) -> None:
    """Exported, it differs in nothing but who manages it; another file's is never taken."""
    made = webhooks("endpoints", "create", "crm", ENVIRONMENT["CRM_URL"], "--expires-after", "12h", "--settings",
                    '{"headers": {"Authorization": "Bearer geheim"}, "max_concurrency": 3}', "--json").json  # fmt: skip
    system.db.execute("select public.webhook_define_event('order.paid', 'Paid.', '{\"type\": \"object\"}')")
    before = endpoints(system)["crm"]
    text = webhooks("export").out
    assert made["secret_key"] not in text
    assert 'Authorization = "env(CRM_AUTHORIZATION)"' in text
    environment = {"CRM_AUTHORIZATION": "Bearer other"}

    refused = code("plan", text=text, **environment)
    assert (refused.code, "add --adopt" in refused.err) == (1, True)
    assert settings(code("plan", "--adopt", "--json", **environment)) == {"crm": {"managed_by"}}
    assert code("apply", "--adopt", "--yes", **environment).code == 0
    after = endpoints(system)["crm"]
    assert after["managed_by"] == "webhooks.toml"
    ignored = {"managed_by": None, "updated_at": None}
    assert after | ignored == before | ignored
    assert code("plan", **environment).code == 0

    stolen = code("plan", "--adopt", text='managed_by = "thief"\n' + text, **environment)
    assert (stolen.code, "is managed by 'webhooks.toml'" in stolen.err) == (1, True)
    for _ in range(2):
        system.endpoint("https://example.com/x", name="n8n, staging")
    twins = code("plan", "--adopt", text=FILE)
    assert (twins.code, "2 endpoints have the name" in twins.err) == (1, True)


def test_a_customers_endpoint_is_no_files(system: System, code: Code, webhooks: Code) -> None:
    """Whatever its customer calls it and names as its manager: no URL, secret or header of the app's goes there."""
    before = [
        system.endpoint("https://example.com/x", name=name, tenant_id="a", managed_by=manager)
        for name, manager in (("crm", "webhooks.toml"), ("crm", None), ("gone", "webhooks.toml"), ("n8n, staging", "x"))
    ]
    sql = (
        "select c.id::text, to_jsonb(c) as row, s.secret_key, s.headers from public.webhook_configurations as c"
        " join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id where c.tenant_id = 'a' order by c.id"
    )
    rows = system.db.execute(sql).fetchall()
    assert {row["id"] for row in rows} == set(before)
    assert code("apply", "--yes").code == 0
    assert system.db.execute(sql).fetchall() == rows
    assert code("plan").code == 0
    own = system.db.execute("select name from public.webhook_configurations where tenant_id is null order by name")
    assert [row["name"] for row in own.fetchall()] == ["crm", "n8n, staging"]
    exported = webhooks("export")
    assert (exported.code, "gone" in exported.out, exported.out.count("[endpoints.")) == (0, False, 2)


def test_a_name_is_that_of_the_apps_own(system: System, webhooks: Code) -> None:
    """A customer can give its endpoint the same one, or the beginning of another's id: that is not what is meant."""
    own = system.endpoint("https://example.com/own", name="crm")
    theirs = [system.endpoint("https://example.com/a", name=name, tenant_id="a") for name in ("crm", own[:8], "of a")]
    for given in ("crm", own[:8]):
        assert webhooks("endpoints", "show", given, "--json").json["id"] == own
    refused = webhooks("endpoints", "show", "of a")
    assert (refused.code, "no endpoint has the name" in refused.err) == (2, True)
    for one in theirs:
        assert webhooks("endpoints", "show", one, "--json").json["id"] == one


def test_event_types(system: System, code: Code) -> None:
    """Defined and changed, never deleted."""
    assert settings(code("plan", "--json", text=EVENT))["order.paid"] >= {"description", "data_schema"}
    assert code("apply", "--yes").code == 0

    def defined() -> Any:
        return system.db.execute(
            "select description, data_schema, example, users_may_dispatch from public.webhook_event_types"
            " where name = 'order.paid'"
        ).fetchone()

    assert defined()["example"] == {"id": "id"}
    assert code("plan").code == 0
    changed = EVENT.replace("was paid", "has been paid") + 'users_may_dispatch = true\nexample = \'{"id": "o_1"}\'\n'
    assert settings(code("plan", "--json", text=changed)) == {
        "order.paid": {"description", "users_may_dispatch", "example"}
    }
    assert code("apply", "--yes").code == 0
    assert (defined()["description"], defined()["example"]) == ("An order has been paid.", {"id": "o_1"})
    assert (code("plan").code, code("plan", text="").code) == (0, 0)
    wrong = code("apply", "--yes", text=EVENT.replace('type = "object"', 'type = "array"'))
    assert (wrong.code, "event order.paid: not carried out" in wrong.err) == (1, True)


def test_sealed_secrets_are_compared_with_their_key(system: System, code: Code, webhooks: Code) -> None:
    """Without the key, the plan says that it does not compare them."""
    assert code("apply", "--yes").code == 0
    keys = {"WEBHOOKS_ENCRYPTION_KEYS": generate_key()}
    assert webhooks("secrets", "seal", **keys).code == 0
    assert endpoints(system)["crm"]["secret_key"].startswith("fernet:")
    assert code("plan", **keys).code == 0
    assert settings(code("plan", "--json", CRM_SECRET=generate_secret(), **keys)) == {"crm": {"secret"}}
    blind = code("plan", CRM_SECRET=generate_secret())
    assert (blind.code, "Secrets are not compared" in blind.err) == (0, True)


def test_what_stops_a_plan(code: Code, tmp_path: Path) -> None:
    """Exits with 1, never 2, which means a difference; an apply that the database rejects names the endpoint."""
    assert code("plan", text="[endpoints.crm").code == 1
    file = tmp_path / "webhooks.toml"
    file.write_text(FILE)
    missing = run("plan", "--file", str(file), variables={"CRM_URL": "https://example.com"})
    assert (missing.code, "CRM_SECRET (endpoints.crm), CRM_TOKEN (endpoints.crm)" in missing.err) == (1, True)
    nowhere = run("plan", "--file", str(file), variables=ENVIRONMENT)
    assert (nowhere.code, "set SUPABASE_URL" in nowhere.err) == (1, True)
    away = {"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x"}
    assert run("plan", "--file", str(file), variables=ENVIRONMENT | away).code == 3
    wrong = code("apply", "--yes", text=FILE.replace('"user.*"', '"No Event"'))
    assert wrong.code == 1
    assert "endpoint crm: not carried out" in wrong.err


def test_the_guides_file(system: System, code: Code) -> None:
    """The example of docs/guides/as-code.md is carried out as it stands."""
    guide = (ROOT / "docs" / "guides" / "as-code.md").read_text()
    text = guide.partition("```toml\n")[2].partition("```")[0]
    assert code("apply", "--yes", text=text).code == 0
    assert set(endpoints(system)) == {"crm", "warehouse"}
    assert code("plan").code == 0
