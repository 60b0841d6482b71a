"""A project that was dumped and restored into a new one is as safe as before, and goes on.

pg_dump writes `revoke ... from public` and the grants. In the new project everything that it creates has by then been
granted to anon and authenticated, by Supabase's default privileges.
"""

from __future__ import annotations

import json
import shutil
import tomllib
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from devstack.platform import furnish, tables
from devstack.stack import MIGRATIONS
from tests.cli.conftest import run
from tests.conftest import emptied
from tests.hosted.bed import push
from tests.hosted.dump import GRANTED, dump, restore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hosted.bed import Hosted
    from tests.hosted.dump import Dump

    Database = psycopg.Connection[dict[str, Any]]

HOST = "00000000-0000-4000-8000-000000000001"
USER = "00000000-0000-4000-8000-00000000000b"

#: The users of two tenants, by tenant.
CUSTOMERS = {"A": "00000000-0000-4000-8000-0000000000aa", "B": "00000000-0000-4000-8000-0000000000bb"}

#: The secrets of the endpoint, the rotated one first, and of its header.
SECRETS = (f"whsec_{'b2xk' * 11}", f"whsec_{'bmV3' * 11}", "Bearer geheim")

#: What any signed-in user may call; it checks what is asked.
FOR_USERS = {"dispatch_webhook", "is_webhook_admin", "is_webhook_viewer", "webhook_role", "webhook_tenants"}

#: Those that create and drop triggers as the owner of the tables.
FOR_THE_OWNER = {"install_platform_webhooks", "uninstall_platform_webhooks", "webhook_attach", "webhook_detach"}

#: An argument's value by its type: one that gets as far as possible.
VALUES = {
    "boolean": "true", "double precision": "60", "integer": "10", "interval": "0", "json": "{}", "jsonb": "{}",
    "regclass": "public.communities", "text": "deliver", "timestamp with time zone": "now", "uuid": HOST,
    "uuid[]": "{}",
}  # fmt: skip


@pytest.fixture(scope="module")
def original(hosted: Hosted, directory: Path) -> Iterator[str]:
    """A project in use: the platform with its events, an endpoint with two secrets, deliveries in each state."""
    dsn = hosted.create("original")
    push(directory / "original", dsn, sorted(MIGRATIONS.glob("*.sql")))
    with connected(dsn) as db:
        db.execute(tables().encode())
        furnish(db)
        db.execute("select public.webhook_define_event('order.placed', 'An order.', '{\"type\": \"object\"}', '{}')")
        db.execute("update public.webhook_event_types set users_may_dispatch = true where name = 'order.placed'")
        endpoint = value(
            db,
            "insert into public.webhook_configurations (name, url, events, secret_key, headers)"
            " values ('receiver', 'https://example.com/hook', '{*}', %s, %s) returning id",
            SECRETS[0],
            json.dumps({"Authorization": SECRETS[2]}),
        )
        value(db, "select public.rotate_webhook_secret(%s)", endpoint)
        db.execute("update webhooks.endpoint_secrets set secret_key = %s", (SECRETS[1],))
        sign_up(hosted, dsn, USER)
        claimed = claim(db, "original")
        value(db, "select public.record_webhook_attempts(%s)", json.dumps([failure(claimed)]))
        db.execute("update public.webhook_deliveries set next_attempt_at = now() + interval '1 day'")
        for _ in range(3):
            dispatch(db)
    yield dsn
    hosted.drop("original")


@pytest.fixture(scope="module")
def files(original: str, directory: Path) -> Dump:
    """Its dump."""
    return dump(original, directory / "dump")


@pytest.fixture(scope="module")
def restored(hosted: Hosted, files: Dump) -> Iterator[str]:
    """The name of a new project with the dump in it."""
    restore(hosted.create("restored"), files)
    yield "restored"
    hosted.drop("restored")


@pytest.fixture
def copy(hosted: Hosted, restored: str) -> Iterator[str]:
    """A copy of it for this test alone: its owner's connection string."""
    name = f"copy_{uuid.uuid4().hex[:12]}"
    yield hosted.create(name, template=restored)
    hosted.drop(name)


@contextmanager
def connected(dsn: str) -> Iterator[Database]:
    """Connect, each statement its own transaction."""
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as db:
        yield db


@contextmanager
def request(hosted: Hosted, dsn: str, role: str, user: str = USER, **claims: Any) -> Iterator[Database]:
    """Connect as PostgREST does for a request."""
    with connected(hosted.dsn(dsn.rsplit("/", 1)[-1], user="authenticator")) as db:
        db.execute(
            "select set_config('request.jwt.claims', %s, false)", (json.dumps({"sub": user, "role": role, **claims}),)
        )
        db.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        yield db


def customers(hosted: Hosted, dsn: str, db: Database) -> None:
    """Give two tenants a user, an endpoint and a delivery with an attempt each."""
    cases = " ".join(f"when '{user}' then '{tenant}'" for tenant, user in CUSTOMERS.items())
    db.execute(
        "create or replace function public.webhook_tenants(permission text) returns setof text language sql stable"
        f" security definer set search_path = '' as $$ select case auth.uid() {cases} end $$".encode()
    )
    for tenant, user in CUSTOMERS.items():
        sign_up(hosted, dsn, user)
        endpoint = value(
            db,
            "insert into public.webhook_configurations (name, url, events, tenant_id, is_active)"
            " values (%s, 'https://example.com/', '{*}', %s, false) returning id",
            f"of {tenant}",
            tenant,
        )
        delivery = value(
            db,
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, finished_at)"
            " values (%s, 'order.placed', %s, 'delivered', now()) returning id",
            endpoint,
            json.dumps({"data": {"of": tenant}}),
        )
        db.execute(
            "insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)"
            " values (%s, 1, now(), 1, true)",
            (delivery,),
        )


def value(db: Database, statement: str, *parameters: object) -> Any:
    """Return a statement's one value."""
    row = db.execute(statement.encode(), parameters).fetchone()
    return None if row is None else next(iter(row.values()))


def dispatch(db: Database) -> Any:
    """Dispatch an event of the app's."""
    return value(db, "select public.dispatch_webhook('order.placed', '{}')")


def claim(db: Database, project: str | None, size: int = 100) -> Any:
    """Claim as a project's workers do."""
    return value(db, "select public.claim_webhook_deliveries(%s, 60, 'test', project => %s)", size, project)


def failure(claimed: Any) -> dict[str, Any]:
    """Return the result of an attempt that failed, of a claim's first delivery."""
    first = claimed["deliveries"][0]
    return {
        "delivery_id": first["id"], "lease_id": claimed["lease_id"], "attempt": first["attempt"],
        "started_at": "2026-01-02T03:04:05Z", "duration_ms": 7, "delivered": False, "health": "failed",
    }  # fmt: skip


def sign_up(hosted: Hosted, dsn: str, user: str) -> None:
    """Sign up, as Supabase Auth does it."""
    with connected(hosted.dsn(dsn.rsplit("/", 1)[-1], user="supabase_auth_admin")) as auth:
        auth.execute("insert into auth.users (id, email) values (%s, %s)", (user, f"{user}@example.com"))


def ours(db: Database) -> list[dict[str, Any]]:
    """Return the functions of ours in public that can be called."""
    return db.execute("""
        select p.proname as name, coalesce(p.proargnames[:p.pronargs], '{}') as arguments,
               p.proargtypes::regtype[]::text[] as types
        from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype
            and (p.proname like '%webhook%' or p.proname = 'close_expired_discussions')
        order by p.proname
    """).fetchall()


def relations(db: Database) -> list[str]:
    """Return our tables and views in public."""
    found = db.execute("""
        select relname as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and relname like 'webhook%'
        order by relname
    """).fetchall()
    return [row["name"] for row in found]


def rows(db: Database) -> dict[str, str]:
    """Return a checksum of each table, which any write changes."""
    found = db.execute("""
        select format('%I.%I', n.nspname, c.relname) as name
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind = 'r' and (n.nspname in ('public', 'webhooks') or c.oid = 'auth.users'::regclass)
    """).fetchall()
    each = " union all ".join(
        f"select '{row['name']}' as name, md5(coalesce(string_agg(concat(t.xmin, t.ctid, t), '' order by t.ctid), ''))"
        f" as checksum from {row['name']} as t"
        for row in found
    )
    return {row["name"]: row["checksum"] for row in db.execute(each.encode()).fetchall()}


def outcome(db: Database, function: dict[str, Any], values: dict[str, str]) -> str:
    """Call a function with named arguments; return the SQLSTATE, or what it returned."""
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => {}::{}").format(sql.Identifier(name), sql.Literal(values.get(kind)), sql.SQL(kind))
        for name, kind in zip(function["arguments"], function["types"], strict=True)
    )
    statement = sql.SQL("select public.{}({})").format(sql.Identifier(function["name"]), arguments)
    try:
        return repr(db.execute(statement).fetchall())
    except psycopg.Error as error:
        return str(error.sqlstate)


@pytest.mark.parametrize("granted", [False, True], ids=["restored", "everything granted"])
@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("values", [{}, VALUES], ids=["nulls", "values"])
class TestCalls:
    def test_server_calls_are_refused(
        self, hosted: Hosted, copy: str, granted: bool, role: str, values: dict[str, str]
    ) -> None:
        """Each with 42501, before it looks at its arguments; and no row is changed."""
        refused, found = self._call(hosted, copy, granted, role, values, without=FOR_USERS | FOR_THE_OWNER)
        assert len(found) > 35
        assert refused == found

    def test_the_owners_calls_are_refused(
        self, hosted: Hosted, copy: str, granted: bool, role: str, values: dict[str, str]
    ) -> None:
        """Those too that create triggers as their caller."""
        refused, found = self._call(hosted, copy, granted, role, values, only=FOR_THE_OWNER)
        assert refused == found

    def test_what_a_user_may_call_changes_no_row(
        self, hosted: Hosted, copy: str, granted: bool, role: str, values: dict[str, str]
    ) -> None:
        """It is another's event, or none that there is."""
        refused, found = self._call(hosted, copy, granted, role, values, only=FOR_USERS | FOR_THE_OWNER)
        assert refused <= found

    @staticmethod
    def _call(
        hosted: Hosted,
        copy: str,
        granted: bool,
        role: str,
        values: dict[str, str],
        *,
        only: set[str] | None = None,
        without: set[str] | None = None,
    ) -> tuple[set[str], set[str]]:
        """Call functions; return which were rejected, and which there are. No row is changed."""
        with connected(copy) as owner, request(hosted, copy, role) as db:
            if granted:
                owner.execute(GRANTED.encode())
            before = rows(owner)
            functions = [one for one in ours(owner) if only is None or one["name"] in only]
            functions = [one for one in functions if one["name"] not in (without or ())]
            outcomes = {one["name"]: outcome(db, one, values) for one in functions}
            assert rows(owner) == before, outcomes
        return {name for name, result in outcomes.items() if result == "42501"}, outcomes.keys() | set()


@pytest.mark.parametrize("granted", [False, True], ids=["restored", "everything granted"])
class TestRows:
    @pytest.mark.parametrize("role", ["anon", "authenticated"])
    def test_no_row_is_read_or_written(self, hosted: Hosted, copy: str, granted: bool, role: str) -> None:
        """Row level security holds whatever is granted: of our tables a user reads the catalog of events."""
        with connected(copy) as owner, request(hosted, copy, role) as db:
            if granted:
                owner.execute(GRANTED.encode())
            before = rows(owner)
            seen = set()
            for relation in relations(owner):
                first = value(owner, f"select to_jsonb(t) from public.{relation} as t limit 1") or {}
                column = next(iter(first), "id")
                row = f"(jsonb_populate_record(null::public.{relation}, %(row)s)).*"
                for statement in (
                    f"select * from public.{relation}",
                    f"insert into public.{relation} select {row}",
                    f"update public.{relation} set {column} = {column}",
                    f"delete from public.{relation}",
                ):
                    try:
                        done = db.execute(statement.encode(), {"row": json.dumps(first)})
                    except psycopg.Error:
                        continue
                    if done.description and done.rowcount:
                        seen.add(relation)
            assert rows(owner) == before
            assert seen == ({"webhook_event_types"} if role == "authenticated" else set())

    @pytest.mark.parametrize("tenant", CUSTOMERS)
    def test_customers_see_their_own(self, hosted: Hosted, copy: str, granted: bool, tenant: str) -> None:
        """By tables and by functions; another's id is as one of nothing, and nothing is changed."""
        with connected(copy) as owner:
            if granted:
                owner.execute(GRANTED.encode())
            customers(hosted, copy, owner)
            session = value(
                owner,
                "insert into auth.sessions (id, user_id) values (gen_random_uuid(), %s) returning id::text",
                CUSTOMERS[tenant],
            )
            other = value(owner, "select id from public.webhook_configurations where tenant_id <> %s", tenant)
            theirs = value(owner, "select id from public.webhook_deliveries where webhook_config_id = %s", other)
            before = rows(owner)
            with request(hosted, copy, "authenticated", user=CUSTOMERS[tenant], session_id=session) as db:
                assert value(db, "select jsonb_agg(c.name) from public.webhook_configurations as c") == [f"of {tenant}"]
                seen = "select jsonb_agg(d.payload #> '{data,of}') from public.webhook_deliveries as d"
                assert value(db, seen) == [tenant]
                assert value(db, "select count(*) from public.webhook_attempts") == 1
                listed = value(db, "select public.list_webhook_endpoints(tenant_id => %s)", tenant)
                assert [one["name"] for one in listed] == [f"of {tenant}"]
                found = value(db, "select public.search_webhook_deliveries(tenant_id => %s)", tenant)
                assert len(found["deliveries"]) == 1
                for call, aimed in (
                    ("get_webhook_delivery(%s)", theirs),
                    ("retry_webhook_delivery(%s)", theirs),
                    ("rotate_webhook_secret(%s)", other),
                    ("send_test_webhook(%s)", other),
                    ("delete_webhook_endpoint(%s)", other),
                    ("replay_webhook_deliveries(%s, dry_run => false)", other),
                    ("update_webhook_endpoint(%s, '{\"is_active\": true}')", other),
                ):
                    said = []
                    for one in (aimed, uuid.UUID(int=0)):
                        with pytest.raises(psycopg.Error) as error:
                            value(db, f"select public.{call}", one)
                        said.append((error.value.sqlstate, str(error.value).replace(str(one), "id")))
                    assert said[0] == said[1]
                    assert said[0][0] == "PT404", call
            assert rows(owner) == before

    def test_admins_see_rows_and_never_secrets(self, hosted: Hosted, copy: str, granted: bool) -> None:
        """As in the original."""
        with connected(copy) as owner:
            if granted:
                owner.execute(GRANTED.encode())
            owner.execute(
                'update auth.users set raw_app_meta_data = \'{"webhooks_role": "admin"}\' where id = %s', (USER,)
            )
            session = value(
                owner, "insert into auth.sessions (id, user_id) values (gen_random_uuid(), %s) returning id::text", USER
            )
        with request(hosted, copy, "authenticated", session_id=session) as db:
            texts = [
                value(db, f"select jsonb_agg(to_jsonb(t))::text from public.{relation} as t")
                for relation in ("webhook_configurations", "webhook_deliveries", "webhook_attempts")
            ]
            texts.append(json.dumps(value(db, "select public.list_webhook_endpoints()")))
            assert all(texts)
            assert not [secret for secret in SECRETS if secret in "".join(texts)]


class TestSecrets:
    def test_they_are_carried_along_where_nobody_reads_them(self, hosted: Hosted, copy: str) -> None:
        """They are in the schema webhooks and in no table that is exposed; the workers still get them."""
        with connected(copy) as owner:
            everything = "".join(
                value(owner, f"select coalesce(jsonb_agg(to_jsonb(t))::text, '') from public.{relation} as t")
                for relation in relations(owner)
            )
            assert [secret for secret in SECRETS if secret in everything] == []
            assert value(owner, "select array_agg(secret_key) from webhooks.endpoint_secrets") == [SECRETS[1]]
        with request(hosted, copy, "service_role") as db:
            (settings,) = claim(db, "original")["endpoints"]
            assert settings["secrets"] == [SECRETS[1], SECRETS[0]]
            assert settings["headers"] == {"Authorization": SECRETS[2]}

    def test_their_schema_is_not_exposed(self) -> None:
        """The Supabase CLI exposes the schemas that config.toml names."""
        config = tomllib.loads((MIGRATIONS.parent / "config.toml").read_text())
        assert set(config["api"]["schemas"]) == {"public", "graphql_public"}


class TestUse:
    def test_it_goes_on(self, hosted: Hosted, copy: str) -> None:
        """The queue and the attempts are those of the original: the workers deliver what is pending, once."""
        with request(hosted, copy, "authenticated") as db:
            assert dispatch(db)["deliveries"] == 1
        with request(hosted, copy, "service_role") as db:
            # not the first, whose retry is due tomorrow
            assert len(claim(db, "original")["deliveries"]) == 4
            assert claim(db, "original")["deliveries"] == []

    def test_the_ledger_is_carried_along(self, original: str, copy: str) -> None:
        """No migration is applied a second time."""
        ledger = "select name, checksum, package_version, applied_at::text from webhooks.migrations order by name"
        with connected(original) as before, connected(copy) as after:
            assert len(found := after.execute(ledger).fetchall()) == 3
            assert found == before.execute(ledger).fetchall()
        variables = {"DATABASE_URL": copy}
        assert run("migrate", "status", "--upgrade", "--platform", variables=variables).code == 0
        done = run("migrate", "apply", "--upgrade", "--platform", "--json", variables=variables)
        assert (done.code, done.json) == (0, {"applied": []})

    def test_the_cli_pushes_again(self, directory: Path, copy: str) -> None:
        """Its own ledger is in no dump: the push applies everything again, and nothing is lost."""
        with connected(copy) as db:
            counts = "select count(*) as deliveries, count(distinct status) as states from public.webhook_deliveries"
            before = db.execute(counts).fetchall()
            push(directory / "pushed", copy, sorted(MIGRATIONS.glob("*.sql")))
            assert db.execute(counts).fetchall() == before

    def test_a_squash_of_the_migrations(self, hosted: Hosted, directory: Path, files: Dump) -> None:
        """`supabase migration squash` loses rows and revocations; our migrations, copied again, restore both."""
        hosted.drop("squashed")
        dsn = hosted.create("squashed")
        squashed = directory / "20990101000000_squashed.sql"
        squashed.write_text(files.schema.read_text())
        push(directory / "pushed", dsn, [squashed])
        exposed = """
            select p.proname as name from pg_proc as p
            where p.pronamespace = 'public'::regnamespace and p.proname like '%webhook%'
                and has_function_privilege('anon', p.oid, 'execute')
        """
        with connected(dsn) as db:
            assert db.execute(exposed.encode()).rowcount > 40
            folder = emptied(directory / "squashed")
            shutil.copyfile(squashed, folder / squashed.name)
            assert run("migrations", str(folder), "--upgrade", "--platform").code == 0
            push(directory / "pushed", dsn, sorted(folder.glob("*.sql")))
            assert db.execute(exposed.encode()).rowcount == 0
            assert value(db, "select count(*) from webhooks.migrations") == 3
            assert value(db, "select count(*) from webhooks.url_schemes") == 5
            assert value(db, "select count(*) from public.webhook_event_types") == 13
            assert value(db, "select count(*) from webhooks.installation") == 1
        hosted.drop("squashed")

    def test_another_projects_workers_are_held(self, hosted: Hosted, copy: str) -> None:
        """What was pending in the original is pending in the copy: nothing goes out until someone confirms."""
        with request(hosted, copy, "service_role") as db:
            for _ in range(2):
                held = claim(db, "other")
                assert (held["held"]["project"], held["held"]["held_for"]) == ("original", "other")
                assert held["deliveries"] == []
            statuses = "select distinct status from public.webhook_deliveries"
            assert db.execute(statuses).fetchall() == [{"status": "pending"}]
            value(db, "select public.adopt_webhook_project('other', 'deliver')")
            assert len(claim(db, "other")["deliveries"]) == 3

    def test_another_project_discards_what_is_pending(self, hosted: Hosted, copy: str) -> None:
        """The original delivers it; the copy delivers what comes from now on."""
        with request(hosted, copy, "service_role") as db:
            assert claim(db, "other")["held"]
            assert value(db, "select public.adopt_webhook_project('other', 'discard')")["discarded"] == 4
            dispatch(db)
            assert len(claim(db, "other")["deliveries"]) == 1


class TestRowsWithoutTriggers:
    """Rows that were loaded under session_replication_role = replica have no circuit and no place in the queue."""

    @pytest.fixture
    def loaded(self, copy: str) -> str:
        """A copy with an endpoint and a pending delivery that no trigger of ours has seen."""
        with psycopg.connect(copy) as db:
            db.execute("set session_replication_role = replica")
            db.execute("delete from public.webhook_circuits; delete from webhooks.delivery_queue")
            db.execute(
                "insert into public.webhook_configurations (id, name, url, events, max_concurrency)"
                " values (%s, 'loaded', 'https://example.com/loaded', '{*}', 5)",
                (HOST,),
            )
            db.execute(
                "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, created_at)"
                " values (%s, 'user.joined_community', '{}', now() - interval '1 hour')",
                (HOST,),
            )
        return copy

    def test_they_are_listed(self, hosted: Hosted, loaded: str) -> None:
        """As any others are."""
        with request(hosted, loaded, "service_role") as db:
            listed = value(db, "select public.list_webhook_endpoints()")
            assert sorted(one["name"] for one in listed) == ["loaded", "receiver"]
            assert {one["circuit"]["state"] for one in listed} == {"closed"}
            found = value(db, "select public.search_webhook_deliveries(webhook_config_id => %s)", HOST)
            assert [one["status"] for one in found["deliveries"]] == ["pending"]
            assert value(db, "select public.webhook_overview()")["circuits"]["closed"] == 2

    def test_they_are_claimed(self, hosted: Hosted, loaded: str) -> None:
        """After the hourly purge, which queues what is missing; the next event at once. A failure makes the circuit."""
        with request(hosted, loaded, "service_role") as db:
            dispatch(db)
            assert len(claim(db, "original")["deliveries"]) == 2
            value(db, "select public.purge_webhook_history('90 days')")
            claimed = claim(db, "original")
            mine = [one for one in claimed["deliveries"] if one["endpoint_id"] == HOST]
            assert len(mine) == 1
            result = failure({**claimed, "deliveries": mine})
            value(db, "select public.record_webhook_attempts(%s)", json.dumps([result]))
            failures = "select consecutive_failures from public.webhook_circuits where webhook_config_id = %s"
            assert value(db, failures, HOST) == 1


class TestTriggers:
    def test_those_on_auth_users_are_lost_and_found(self, hosted: Hosted, copy: str) -> None:
        """The schema auth is not dumped. One command creates them again; the others are there."""
        told = "select count(*) from public.webhook_deliveries where event_type = 'user.joined_platform'"
        with connected(copy) as db:
            missing = db.execute("select source::text, event_type from webhooks.missing_triggers()").fetchall()
            assert missing == [{"source": "auth.users", "event_type": "user.joined_platform"}]
            before = value(db, told)
            sign_up(hosted, copy, str(uuid.uuid4()))
            assert value(db, told) == before

            done = run("events", "reattach", "--json", variables={"DATABASE_URL": copy})
            assert done.code == 0, done.err
            assert done.json["reattached"] == [
                {"source": "auth.users", "event": "user.joined_platform", "operation": "insert", "outcome": "attached"}
            ]
            sign_up(hosted, copy, str(uuid.uuid4()))
            assert value(db, told) == before + 1
            assert db.execute("select from webhooks.missing_triggers()").rowcount == 0

        again = run("events", "reattach", variables={"DATABASE_URL": copy})
        # after which database it is about
        assert (again.code, again.err.splitlines()[1:]) == (0, ["Every attached event has its trigger."])

    def test_what_cannot_be_attached_is_left(self, copy: str) -> None:
        """It is named with its reason, and the others are attached."""
        with connected(copy) as db:
            db.execute("alter table public.flags drop column reason cascade")
            for row in db.execute(
                "select format('drop trigger %I on %s', trigger_name, source) as drop from public.webhook_triggers"
                " where source <> 'auth.users'::regclass"
            ).fetchall():
                db.execute(row["drop"].encode())
        done = run("events", "reattach", "--json", variables={"DATABASE_URL": copy})
        assert done.code == 1
        outcomes = {row["event"]: row["outcome"] for row in done.json["reattached"]}
        assert len(outcomes) == 9
        assert "reason" in outcomes.pop("user.flagged_comment")
        assert set(outcomes.values()) == {"attached"}

    def test_one_that_is_turned_off_stays_off(self, copy: str) -> None:
        """Detached with keep_trigger: it emits nothing, and misses nothing."""
        with connected(copy) as db:
            db.execute(
                "select public.webhook_detach('auth.users', 'user.joined_platform', 'insert', keep_trigger => true)"
            )
            assert db.execute("select from webhooks.missing_triggers()").rowcount == 0
            assert db.execute("select from public.webhook_reattach()").rowcount == 0


class TestSecure:
    """`webhooks migrate secure` leaves nothing of what the default privileges or an owner granted."""

    @pytest.mark.parametrize("granted", [False, True], ids=["restored", "everything granted"])
    def test_privileges_are_those_of_the_original(self, original: str, copy: str, granted: bool) -> None:
        """Of every role, on each object of ours; and the second run has nothing to do."""
        with connected(original) as before, connected(copy) as after:
            if granted:
                after.execute(GRANTED.encode())
            assert privileges(after) != privileges(before)
            done = run("migrate", "secure", "--json", variables={"DATABASE_URL": copy})
            assert done.code == 0, done.err
            assert len(done.json["changed"]) > 40
            assert privileges(after) == privileges(before)
        assert run("migrate", "secure", "--json", variables={"DATABASE_URL": copy}).json == {"changed": []}


def privileges(db: Database) -> set[tuple[str, ...]]:
    """Return who may do what with each table, view and function of ours."""
    found = db.execute("""
        select o.name, a.grantee::regrole::text as role, a.privilege_type as privilege
        from (
            select c.oid::regclass::text as name, c.relacl as acl, c.relowner as owner, c.relnamespace as schema
            from pg_class as c where c.relkind in ('r', 'p', 'v')
            union all
            select p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner,
                   p.pronamespace
            from pg_proc as p
        ) as o
        cross join aclexplode(o.acl) as a
        where a.grantee <> o.owner and (
            o.schema = 'webhooks'::regnamespace or o.schema = 'public'::regnamespace and o.name like '%webhook%')
    """).fetchall()
    return {tuple(row.values()) for row in found}
