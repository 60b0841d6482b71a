"""Who may what, read from the catalog of the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.test_dispatch import ANA, become

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: What a signed-in user may call; the rest of these check that the user is an admin (tests/database/test_steering.py).
FOR_USERS = {
    "app_metadata", "check_server", "dispatch_webhook", "emit_as_user", "has_admin_role", "is_admin",
    "check_access", "if_admin", "if_reader", "is_viewer", "is_webhook_viewer", "is_delivery_of", "tenant_endpoints",
    "tenants", "webhook_role", "webhook_tenants",
    "is_platform_admin", "is_server", "is_webhook_admin", "second_factor_given", "user_claims", "user_id", "user_sub",
}  # fmt: skip
FOR_ADMINS = {
    "claim_for_webhook_listener", "record_for_webhook_listener", "start_webhook_listener", "stop_webhook_listener",
    "create_webhook_api_token", "list_webhook_api_tokens", "revoke_webhook_api_token",
    "caller", "check_admin", "create_webhook_endpoint", "delete_webhook_endpoint", "end_webhook_secret_overlap",
    "erase_webhook_payloads", "get_webhook_delivery",
    "list_webhook_endpoints", "replay_webhook_deliveries", "retry_webhook_deliveries", "retry_webhook_delivery",
    "retry_webhook_trigger_errors",
    "rotate_webhook_secret", "search_webhook_deliveries", "send_test_webhook", "update_webhook_endpoint",
    "webhook_admin_check", "webhook_admin_write", "webhook_overview", "webhook_series",
    "sample_sql", "webhook_figures", "webhook_sample_events", "webhook_tables",
    "skip_webhook_deliveries",
    "webhook_histogram",
}  # fmt: skip

PINNED = "search_path=pg_catalog, pg_temp"

OURS = "n.nspname = 'webhooks' or (n.nspname = 'public' and p.proname like '%%webhook%%')"


def test_every_table_has_row_level_security(db: Database) -> None:
    """All tables in public and webhooks."""
    rows = db.execute("""
        select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'webhooks') and c.relkind in ('r', 'p') and not c.relrowsecurity
    """).fetchall()
    assert rows == []


def test_every_function_pins_its_search_path(db: Database) -> None:
    """So that no schema of a caller's can slip in."""
    rows = db.execute(f"""
        select p.proname, p.proconfig from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {OURS}
    """.encode()).fetchall()  # fmt: skip
    assert len(rows) > 10
    assert [row["proname"] for row in rows if PINNED not in (row["proconfig"] or [])] == [
        # inlined into its callers, which pin theirs
        "endpoints_with_due"
    ]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_who_may_execute(db: Database, role: str) -> None:
    """Anon nothing, users the short list."""
    rows = db.execute(f"""
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where ({OURS}) and has_function_privilege('{role}', p.oid, 'execute')
    """.encode()).fetchall()  # fmt: skip
    assert {row["proname"] for row in rows} == (FOR_USERS | FOR_ADMINS if role == "authenticated" else set())


def test_admins_see_rows_and_never_secrets(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Admins read endpoints and deliveries; other users none; no browser reads secret_key."""
    endpoint(secret_key="whsec_AAAA" + "A" * 28)
    dispatch()
    become(db, "authenticated", ANA)
    assert db.execute("select from public.webhook_deliveries").rowcount == 0
    db.execute("select set_config('request.jwt.claims', %s, false)", ('{"app_metadata": {"role": "admin"}}',))
    assert db.execute("select from public.webhook_deliveries").rowcount == 1
    assert db.execute("select name, url from public.webhook_configurations").rowcount == 1
    (row,) = db.execute("select * from public.webhook_configurations").fetchall()
    assert (row["secret_key"], row["headers"]) == (None, None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select from webhooks.endpoint_secrets")
    for table in ("webhook_configurations", "webhook_deliveries", "webhook_attempts", "webhook_dispatcher_runs"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(f"delete from public.{table}".encode())


def test_everything_in_studio_is_described(db: Database) -> None:
    """Every table and function that someone meets in Studio has a comment."""
    rows = db.execute(f"""
        select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind = 'r' and obj_description(c.oid) is null
        union all
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'public' and ({OURS}) and obj_description(p.oid) is null
    """.encode()).fetchall()  # fmt: skip
    assert rows == []


def test_without_its_list_nothing_is_revoked(db: Database) -> None:
    """A restore without data leaves the list of grants empty: an error that says what to do, and no grant changes."""
    grants = "select c.relname, c.relacl::text from pg_class as c where c.relname like 'webhook%' order by 1"
    before = db.execute(grants).fetchall()
    db.execute("delete from webhooks.expected_access")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="expected_access is empty") as failed:
        db.execute("select webhooks.secure()")
    assert "supabase db push" in (failed.value.diag.message_hint or "")
    assert db.execute(grants).fetchall() == before
