"""The database compared with its model: each call is made in both, and afterwards every row is compared."""

from __future__ import annotations

import copy
import json
import threading
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import psycopg

from tests.model.model import CLOSE, Circuit, Delivery, Endpoint, Model, Result, UnexpectedError, expect

if TYPE_CHECKING:
    from collections.abc import Callable

JOINED = {"community_id": "c", "community_name": "Lesekreis", "community_city": "Zürich"}
CIRCUIT = [field.name for field in fields(Circuit)]
NOW = "extract(epoch from now())::float8"
CLAIM = f"select {NOW}, public.claim_webhook_deliveries"
WAITS = "select cardinality(pg_blocking_pids(%s)) > 0"
EMPTY = (
    "truncate public.webhook_configurations cascade; delete from webhooks.cursors;"
    " delete from webhooks.idempotency_keys; delete from public.webhook_admin_actions"
)


@dataclass
class Held:
    """A lease that a worker was given, and has perhaps lost."""

    delivery: str
    lease: str
    attempt: int
    #: when the attempt began, in the model's time
    started: float
    reported: bool = False

    def result(self, **outcome: Any) -> Result:
        """Return what its worker reports."""
        return Result(self.delivery, self.lease, self.attempt, self.started, **outcome)


@dataclass
class Call:
    """A statement that returns `now` and `got`, and what the model makes of the two.

    `alone` is whether no other transaction was open.
    """

    name: str
    sql: str
    arguments: tuple[Any, ...]
    explain: Callable[[Model, float, Any, bool], None]


class World:
    """One database and its model. The model's time is the database's plus all that was let pass."""

    def __init__(self, dsn: str) -> None:
        self.db = psycopg.connect(dsn, autocommit=True)
        self.other = psycopg.connect(dsn, autocommit=True)
        self.watch = psycopg.connect(dsn, autocommit=True)
        self.dsn = dsn
        self.clear()

    def clear(self) -> None:
        """Start over."""
        self.db.execute(EMPTY)
        self.model, self.passed, self.rows = Model(), 0.0, {"endpoints": {}, "deliveries": {}, "orphans": 0}
        self.held: list[Held] = []
        self.history: list[str] = []

    def close(self) -> None:
        """Close the connections."""
        for connection in (self.db, self.other, self.watch):
            connection.close()

    # -- calls --------------------------------------------------------------------------------------------------------

    def run(self, call: Call) -> Any:
        """Make a call, and compare."""
        outcome = _outcome(self.db, call)
        self._read()
        self.model = self._explained(self.model, [(call, outcome)], alone=True)
        self.history.append(call.name)
        if call.sql.startswith(CLAIM) and outcome[1]["deliveries"]:
            self._hold(outcome)
        return outcome[1]

    def interleave(self, first: Call, second: Call, ending: str) -> None:
        """The second call runs while the first one's transaction is open, which ends by commit, rollback or kill.

        Afterwards one of their orders explains what there is: the calls are as if one after the other.
        """
        results: list[tuple[float, Any] | psycopg.Error] = []

        def work() -> None:
            try:
                results.append(_outcome(self.other, second))
            except psycopg.Error as exc:
                results.append(exc)

        self.db.execute("begin")
        done = _outcome(self.db, first)
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive() and self.watch.execute(WAITS, (self.other.info.backend_pid,)).fetchone() == (False,):
            time.sleep(0.002)
        self._end(ending)
        thread.join()
        made = [(second, results[0])] if isinstance(results[0], tuple) else []
        self._read()
        # a late result does not wait: its worker retries
        if not made and not isinstance(results[0], psycopg.errors.LockNotAvailable):
            raise UnexpectedError(f"{second.name} during {first.name}: {results[0]!r}")
        if second.name == "purge":
            # it leaves what others hold just now to the next one
            made.append((second, _outcome(self.db, second)))
            self._read()
        kept = [(first, done)] if ending == "commit" else []
        for call, outcome in (*kept, *made):
            if call.sql.startswith(CLAIM):
                self._hold(outcome)
        self.history.append(f"{first.name} ({ending}) with {second.name}")
        self.model = self._one_of([*kept, *made], [*made, *kept], [*made[:1], *kept, *made[1:]])

    def _end(self, ending: str) -> None:
        """End the first transaction, or the process that it runs in."""
        if ending != "kill":
            self.db.execute(ending.encode())
            return
        self.watch.execute("select pg_terminate_backend(%s)", (self.db.info.backend_pid,))
        self.db.close()
        self.db = psycopg.connect(self.dsn, autocommit=True)

    def _one_of(self, *orders: list[tuple[Call, Any]]) -> Model:
        """Return the model after the calls in that of the orders which explains what there is."""
        problems = []
        for order in orders:
            try:
                return self._explained(self.model, order, alone=False)
            except UnexpectedError as exc:
                problems.append(str(exc))
        raise UnexpectedError("no order explains it:\n" + "\n".join(problems))

    def let_pass(self, seconds: float) -> None:
        """Let time pass."""
        self.db.execute("select public.pass_time(make_interval(secs => %s))", (seconds,))
        self.passed += seconds
        self._read()
        self._compare(self.model)
        self.history.append(f"{seconds} s pass")

    def _explained(self, model: Model, calls: list[tuple[Call, tuple[float, Any]]], *, alone: bool) -> Model:
        """Return the model after the calls, if it is what the database is."""
        model = copy.deepcopy(model)
        for call, (now, got) in calls:
            call.explain(model, now + self.passed, got, alone)
        self._compare(model)
        return model

    # -- comparison ---------------------------------------------------------------------------------------------------

    def _hold(self, outcome: tuple[float, Any]) -> None:
        """Keep what a claim returned, as its worker does."""
        now, got = outcome
        for n, row in enumerate(got["deliveries"]):
            self.held.append(Held(row["id"], got["lease_id"], row["attempt"], now + self.passed + n * 1e-3))

    def _read(self) -> None:
        (self.rows,) = self.watch.execute("select public.all_rows()").fetchone()  # type: ignore[misc]

    def _compare(self, model: Model) -> None:
        rows = self.rows
        expect(rows["orphans"] == 0, f"{rows['orphans']} rows of deleted deliveries")
        expect(rows["endpoints"].keys() == model.endpoints.keys(), "other endpoints")
        expect(rows["deliveries"].keys() == model.deliveries.keys(), "other deliveries")
        for key, row in rows["endpoints"].items():
            endpoint = model.endpoints[key]
            self._same(f"endpoint {key}", row, _of_endpoint(endpoint))
        for key, row in rows["deliveries"].items():
            delivery = model.deliveries[key]
            # a schedule's wait varies; what it came to is taken over
            if row["due"] is not None and delivery.slack:
                due = row["due"] + self.passed
                expect(
                    -CLOSE <= due - delivery.due <= delivery.slack + CLOSE, f"{key} waits {due - delivery.due} too long"
                )
                delivery.due, delivery.slack = due, 0.0
            self._same(f"delivery {key}", row, _of_delivery(delivery))

    def _same(self, what: str, row: dict[str, Any], wanted: dict[str, Any]) -> None:
        for name, value in wanted.items():
            found = row[name]
            if name in MOMENTS and found is not None:
                found += self.passed
            close = isinstance(value, float) and found is not None
            same = abs(found - value) < CLOSE if close else found == value
            expect(same, f"{what}: {name} is {found!r}, not {value!r}; {row}")

    # -- the calls ----------------------------------------------------------------------------------------------------

    def create(self, **settings: Any) -> str:
        """An endpoint is created."""
        names = ", ".join(["name", "url", "events", *settings])
        marks = ", ".join(["%s"] * (3 + len(settings)))
        sql = f"insert into public.webhook_configurations ({names}) values ({marks}) returning {NOW}, id::text"

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            values = {**settings, "expires_after": _seconds(settings.get("expires_after"))}
            model.endpoints[got] = Endpoint(Circuit(now, now), **values)

        values = ("receiver", "https://example.com/hook", ["*"], *settings.values())
        return str(self.run(Call(f"create {settings}", sql, values, explain)))

    def dispatch(self) -> Call:
        """An event, for every active endpoint."""
        sql = _call("dispatch_webhook(%s, %s::jsonb)")

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            new = {
                key: row["endpoint"]
                for key, row in self.rows["deliveries"].items()
                if row["request"] == got["request_id"]
            }
            wanted = sorted(key for key, one in model.endpoints.items() if one.active)
            expect(got["deliveries"] == len(wanted) and sorted(new.values()) == wanted, f"sent to {new}, not {wanted}")
            for key, endpoint in new.items():
                model.insert(key, endpoint, now, due=now)

        return Call("dispatch", sql, ("user.joined_community", json.dumps(JOINED)), explain)

    def insert(self, endpoint: str, status: str, later: float) -> Call:
        """A row that an edge function writes."""
        sql = (
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, next_attempt_at)"
            " values (%s, 'x.y', '{}', %s, now() + make_interval(secs => %s))"
            f" returning {NOW}, id::text"
        )

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            model.insert(got, endpoint, now, due=now + later, status=status)

        return Call(f"insert {status} {endpoint} in {later}", sql, (endpoint, status, later), explain)

    def claim(self, batch: int, lease: float = 60) -> Call:
        """A worker asks for deliveries."""

        def explain(model: Model, now: float, got: Any, alone: bool) -> None:
            given = {row["id"]: row["attempt"] for row in got["deliveries"]}
            after = self.rows["deliveries"]
            expired = {
                key for key, row in after.items()
                if row["status"] == "failed" and key in model.deliveries and model.deliveries[key].unfinished
            }  # fmt: skip
            kept = frozenset() if alone else frozenset(
                key for key, d in model.deliveries.items()
                if key in after and not after[key]["ready"] and key not in given and key not in expired
                and after[key]["lease"] == (d.lease.id if d.lease else None))  # fmt: skip
            model.claim(now, batch, lease, given, got["lease_id"], expired, alone=alone, kept=kept)

        return Call(f"claim {batch}", CLAIM + "(%s, %s, 'model')", (batch, lease), explain)

    def record(self, results: list[Result]) -> Call:
        """A worker reports."""
        given = [
            {
                **{k: v for k, v in asdict(one).items() if v is not None and k not in {"delivery", "lease", "started"}},
                "delivery_id": one.delivery,
                "lease_id": one.lease,
                "started_at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(one.started - self.passed))
                + f"{(one.started - self.passed) % 1:.6f}Z"[1:],
                "duration_ms": 1,
            }
            for one in results
        ]

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            accepted = model.record(now, results)
            said = {row["delivery_id"] for row in (*got["recorded"], *got["late"]) if row["accepted"]}
            expect(said == accepted, f"accepted {said}, not {accepted}")

        name = "record " + ", ".join(
            f"{one.delivery[:4]}/{one.lease[:4]} {'delivered' if one.delivered else one}" for one in results
        )
        return Call(name, _call("record_webhook_attempts(%s::jsonb)"), (json.dumps(given),), explain)

    def release(self, held: list[Held]) -> Call:
        """A worker gives leases back."""
        leases = [(one.delivery, one.lease) for one in held]
        given = json.dumps([{"delivery_id": d, "lease_id": lease} for d, lease in leases])

        def explain(model: Model, _: float, got: Any, __: bool) -> None:
            count = model.release(leases)
            expect(got == count, f"released {got}, not {count}")

        return Call(f"release {leases}", _call("release_webhook_deliveries(%s::jsonb)"), (given,), explain)

    def retry(self, key: str) -> Call:
        """An admin retries one."""

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            done = model.retry(now, key)
            expect(done == (not isinstance(got, str)), f"retry of {key}: {got}")

        return Call(f"retry {key}", _call("retry_webhook_delivery(%s)"), (key,), explain)

    def retry_many(self, keys: list[str]) -> Call:
        """An admin retries a selection."""

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            count = model.retry_many(now, keys)
            expect(got["retried"] == count, f"retried {got}, not {count}")

        return Call(
            f"retry_many {keys}", _call("retry_webhook_deliveries(delivery_ids => %s::uuid[])"), (keys,), explain
        )

    def retry_waiting(self, endpoint: str) -> Call:
        """An admin retries what waits at an endpoint."""

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            if not model.endpoints[endpoint].active:
                expect("does not exist or is inactive" in got, f"retried {got}")
                return
            count = model.retry_waiting(now, endpoint)
            expect(got["retried"] == count, f"retried {got}, not {count}")

        return Call(
            f"retry_waiting {endpoint}",
            _call("retry_webhook_deliveries(webhook_config_id => %s)"),
            (endpoint,),
            explain,
        )

    def replay(self, status: str) -> Call:
        """An admin replays."""

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            count = model.replay(now, status)
            expect(got["replayed"] == count, f"replayed {got}, not {count}")

        return Call(
            f"replay {status}", _call("replay_webhook_deliveries(status => %s, dry_run => false)"), (status,), explain
        )

    def edit(self, endpoint: str, changes: dict[str, Any]) -> Call:
        """An admin changes settings."""

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            if endpoint in model.endpoints:
                model.edit(endpoint, now, {k: _seconds(v) if k == "expires_after" else v for k, v in changes.items()})
            else:
                expect(isinstance(got, str), "a deleted endpoint was changed")

        sql = _call("update_webhook_endpoint(%s, %s::jsonb)")
        return Call(f"edit {endpoint} {changes}", sql, (endpoint, json.dumps(changes)), explain)

    def rotate(self, endpoint: str) -> Call:
        """An admin rotates a secret, which changes no delivery."""
        return Call(f"rotate {endpoint}", _call("rotate_webhook_secret(%s)"), (endpoint,), lambda *_: None)

    def delete(self, endpoint: str) -> Call:
        """A row is deleted by hand, with all that refers to it."""
        sql = f"delete from public.webhook_configurations where id = %s returning {NOW}, id::text"

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            expect((got is not None) == (endpoint in model.endpoints), f"deleted: {got}")
            if got:
                model.delete(endpoint, now, keep_history=False)

        return Call(f"delete {endpoint}", sql, (endpoint,), explain)

    def delete_endpoint(self, endpoint: str, *, keep_history: bool) -> None:
        """An admin deletes an endpoint: disabled first, then deleted."""
        if self.model.endpoints[endpoint].active:
            self.run(self.delete_step(endpoint, keep_history=keep_history))
        self.run(self.delete_step(endpoint, keep_history=keep_history))

    def delete_step(self, endpoint: str, *, keep_history: bool) -> Call:
        """One call of the admin's deletion."""
        sql, values = _call("delete_webhook_endpoint(%s, %s)"), (endpoint, keep_history)

        def disabled(model: Model, now: float, got: Any, _: bool) -> None:
            expect(got["more"], "it is disabled first")
            model.edit(endpoint, now, {"is_active": False})

        def deleted(model: Model, now: float, got: Any, _: bool) -> None:
            expect(not got["more"], "few deliveries are deleted at once")
            model.delete(endpoint, now, keep_history=keep_history)

        if self.model.endpoints[endpoint].active:
            return Call(f"delete_endpoint {endpoint}: disable", sql, values, disabled)
        return Call(f"delete_endpoint {endpoint} {keep_history}", sql, values, deleted)

    def backlog(self) -> Call:
        """The overview looks at what waits although it may go out."""
        sql = f"select {NOW}, extract(epoch from (public.webhook_backlog() ->> 'oldest_due_at')::timestamptz)::float8"

        def explain(model: Model, now: float, got: Any, _: bool) -> None:
            oldest = model.oldest_due(now)
            found = None if got is None else got + self.passed
            expect((found is None) == (oldest is None), f"the oldest due is {found}, not {oldest}")
            expect(found is None or abs(found - (oldest or 0)) < CLOSE, f"the oldest due is {found}, not {oldest}")

        return Call("backlog", sql, (), explain)

    def purge(self) -> Call:
        """Retention and upkeep."""
        return Call(
            "purge", _call("purge_webhook_history('30 days')"), (), lambda model, now, _, __: model.purge(now, 30)
        )


#: The columns that are moments of the database.
MOMENTS = {"since", "open_until", "window_started", "failing_since", "undelivered_at", "paused_until", "tokens_at",
           "created", "deferred_since", "finished", "due", "leased_at"}  # fmt: skip


def _of_endpoint(endpoint: Endpoint) -> dict[str, Any]:
    circuit = {name: getattr(endpoint.circuit, name) for name in CIRCUIT}
    return {"active": endpoint.active, "deleted": endpoint.deleted, "disabled": endpoint.disabled, **circuit}


def _of_delivery(delivery: Delivery) -> dict[str, Any]:
    lease = delivery.lease
    queued = {
        "ready": delivery.ready,
        "due": delivery.due,
        "lease": lease.id if lease else None,
        "leased_at": lease.at if lease else None,
    }
    return {
        "endpoint": delivery.endpoint,
        "created": delivery.created,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "counted": delivery.counted,
        "deferred_since": delivery.deferred_since,
        "finished": delivery.finished,
        "failed": delivery.status == "failed",
        "queued": delivery.unfinished,
        "log": [[one.number, one.delivered, one.counted] for one in delivery.log],
        **(queued if delivery.unfinished else dict.fromkeys(queued)),
    }


def _call(function: str) -> str:
    return f"select {NOW}, public.{function}"


def _outcome(connection: psycopg.Connection[Any], call: Call) -> tuple[float, Any]:
    """Make a call; an error that says why it was rejected is its outcome, as text."""
    try:
        with connection.transaction():
            row = connection.execute(call.sql.encode(), call.arguments).fetchone()
    except (psycopg.errors.InvalidParameterValue, psycopg.errors.RaiseException) as exc:
        return 0.0, str(exc)
    except psycopg.DatabaseError as exc:
        if exc.sqlstate and exc.sqlstate.startswith("PT"):
            return 0.0, str(exc)
        raise
    return (0.0, None) if row is None else (row[0], row[1])


def _seconds(span: str | None) -> float | None:
    """Return an interval such as "90 minutes" in seconds."""
    if span is None:
        return None
    number, unit = span.split()
    return float(number) * {"minutes": 60.0, "hours": 3600.0, "days": 86400.0}[unit]
