"""What docs/customers.md shows runs as it stands, and means what it says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT
from tests.database.shorthands import call
from tests.database.test_dispatch import ANA, BEN, become

if TYPE_CHECKING:
    from psycopg import Connection

    Database = Connection[dict[str, Any]]

TEXT = (ROOT / "docs/customers.md").read_text()

#: The three examples of public.webhook_tenants, in the page's order.
MEMBERSHIPS, APP_METADATA, ONE_EACH = re.findall(
    r"```sql\n(create or replace function public\.webhook_tenants.*?)```", TEXT, re.DOTALL
)
OTHERS = [sql for sql in re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL) if "webhook_tenants(" not in sql]

PERMISSIONS = ("read", "manage", "dispatch")


def tenants(db: Database, user: str, **app_metadata: Any) -> dict[str, list[str]]:
    """Return a signed-in user's tenants by permission, as policies and functions see them."""
    become(db, "authenticated", user)
    claims = {"sub": user, "role": "authenticated", "app_metadata": app_metadata}
    db.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps(claims),))
    found = {}
    for permission in PERMISSIONS:
        rows = db.execute("select webhooks.tenants(%s) as t", (permission,)).fetchall()
        found[permission] = sorted(row["t"] for row in rows)
    return found


def test_a_table_of_memberships(db: Database) -> None:
    """Members read; owners and admins manage and dispatch too; in several organizations at once."""
    db.execute("create table public.memberships (organization_id uuid, user_id uuid, role text)")
    one, other = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
    db.execute("insert into public.memberships values (%s, %s, 'owner'), (%s, %s, 'member')", (one, ANA, other, ANA))
    db.execute(MEMBERSHIPS)
    assert tenants(db, ANA) == {"read": [one, other], "manage": [one], "dispatch": [one]}
    assert tenants(db, BEN) == {key: [] for key in PERMISSIONS}


def test_app_metadata(db: Database) -> None:
    """A member reads, an owner manages; without an organization there is none."""
    db.execute(APP_METADATA)
    assert tenants(db, ANA, organization_id="o") == {"read": ["o"], "manage": [], "dispatch": []}
    assert tenants(db, ANA, organization_id="o", organization_role="owner") == {key: ["o"] for key in PERMISSIONS}
    assert tenants(db, ANA, organization_role="owner") == {key: [] for key in PERMISSIONS}


def test_one_tenant_a_user(db: Database) -> None:
    """Each user is a tenant."""
    db.execute(ONE_EACH)
    assert tenants(db, ANA) == {key: [ANA] for key in PERMISSIONS}


def test_the_check_of_a_user(db: Database) -> None:
    """Both statements, run at once, show a user's tenants; with app_metadata there are none without a session."""
    (check,) = re.findall(r"```sql\n(select set_config\(.*?)```", TEXT, re.DOTALL)
    metadata = json.dumps({"organization_id": "org_1", "organization_role": "owner"})
    db.execute(
        "insert into auth.users (id, email, raw_app_meta_data) values (%s, 'ada@example.com', %s)", (ANA, metadata)
    )

    def shown(sql: str) -> list[str]:
        cursor = db.execute(sql.encode())
        while cursor.nextset():
            pass
        return [row["webhook_tenants"] for row in cursor.fetchall()]

    assert shown(check) == []
    db.execute(ONE_EACH)
    assert shown(check) == [ANA]
    db.execute(APP_METADATA)
    assert shown(check) == []


def test_the_other_examples_run(db: Database) -> None:
    """In the page's order, on a table of orders."""
    db.execute("create table public.orders (id text primary key, organization_id text)")
    assert len(OTHERS) > 3
    for sql in OTHERS:
        db.execute(sql.encode())
    call(db, "create_webhook_endpoint", json.dumps(
        {"name": "x", "url": "https://example.com/", "events": ["order.paid"], "tenant_id": "org_1"}))  # fmt: skip
    db.execute("insert into public.orders values ('o_2', 'org_1')")
    assert db.execute("select from public.webhook_deliveries").rowcount == 1


@pytest.mark.parametrize(
    "function", re.findall(r"^\| `(\w+)\(\{(.*?)\}\)`", TEXT, re.MULTILINE), ids=lambda one: one[0]
)
def test_the_contract_names_arguments_that_exist(db: Database, function: tuple[str, str]) -> None:
    """Each function of the page's table, with each of its arguments."""
    name, arguments = function
    row = db.execute(
        "select proargnames as names from pg_proc where pronamespace = 'public'::regnamespace and proname = %s", (name,)
    ).fetchone()
    assert row is not None
    named = {one.strip(" ?") for one in re.sub(r"\{.*?\}", "", arguments).replace(":", "").split(",")} - {"...next"}
    assert named <= set(row["names"])
