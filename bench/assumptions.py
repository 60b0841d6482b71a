"""What the simulation of a day assumes: each figure with its reason or the measurement that it is from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench.figures import middle

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """Times are seconds of the day, CPU is seconds per 1,000. A last bench replaces what is marked "measured"."""

    # The load. Assumed, apart from the first, which is the question.
    events_per_day: float = 100e6
    #: Endpoints that get an event, on average: one that wants all, and half of the events wanted by another.
    subscriptions_per_event: float = 1.5
    #: The busiest second above the average one. Consumer apps of one region lie between 2 and 4.
    peak_factor: float = 3.0
    #: When that is: in the evening.
    peak_at: float = 20 * 3600
    endpoints: int = 1000
    #: Of all deliveries, those to the biggest endpoint.
    biggest_share: float = 0.2
    #: Of all deliveries, those to endpoints that reject often, and how often: with a 4xx, which opens no circuit.
    refusing_share: float = 0.02
    refusing_probability: float = 0.3

    # Faults. The biggest endpoint is away for an hour around the peak, and a worker is killed at noon.
    outage_at: float = 19.5 * 3600
    outage_seconds: float = 3600
    crash_at: float = 12 * 3600
    #: Until the supervisor's new process claims.
    restart_seconds: float = 10

    # The system's own settings: their defaults (webhooks/settings.py).
    max_attempts: int = 3
    lease_seconds: float = 60
    circuit_reset_seconds: float = 300
    #: Deliveries in flight in a worker process, and of those to one endpoint.
    concurrency: int = 500
    endpoint_concurrency: int = 50
    #: Claimed ahead of what is in flight.
    batch_size: int = 250
    retention_days: int = 30

    #: Seconds that a receiver takes. Assumed: a receiver of the same region that only stores what it gets.
    receiver_seconds: float = 0.05
    #: No part is to be busier than this at the peak. Above it queues inside of the parts grow fast.
    utilisation: float = 0.6
    #: Of machines for REST servers and workers.
    cores_per_machine: int = 4

    #: Measured, (a): CPU of each part for a delivery's claim, attempt and record (docs/performance.md).
    postgres_cpu: float = 0.119
    rest_cpu: float = 0.0405
    worker_cpu: float = 0.176
    #: Measured, (f): Postgres's CPU for a dispatch to one endpoint. What is here is what one busy connection took, its
    #: client's time included.
    dispatch_cpu: float = 0.359
    #: Measured, (p): partitioned / plain, of the time of claim and record together with a long history. Taken for 1
    #: where it is less: the table of (a) is short.
    partitioning_factor: float = 1.0
    #: Measured, (p), with bodies of 600 bytes: tables and indexes; what Postgres logs for a dispatch, and for claim and
    #: record. full_page_writes was off then; on, the log grows, by how much depends on the checkpoints.
    bytes_a_delivery: float = 1021.0
    bytes_an_attempt: float = 157.0
    wal_a_dispatched_delivery: float = 1345.0
    wal_a_recorded_delivery: float = 2884.0

    @property
    def deliveries_per_day(self) -> float:
        """Deliveries that a day's events make."""
        return self.events_per_day * self.subscriptions_per_event

    @property
    def peak_events(self) -> float:
        """Events in the busiest second."""
        return self.events_per_day / 86_400 * self.peak_factor

    @property
    def attempts_a_delivery(self) -> float:
        """Attempts that a delivery takes on average, outages apart."""
        again = sum(self.refusing_probability**n for n in range(1, self.max_attempts))
        return 1 + self.refusing_share * again

    @property
    def peak_attempts(self) -> float:
        """Attempts in the busiest second."""
        return self.peak_events * self.subscriptions_per_event * self.attempts_a_delivery

    @property
    def worker_rate(self) -> float:
        """Attempts a second of one worker process: bound by its core, or by its places and the receivers."""
        return min(1000 / self.worker_cpu, self.concurrency / self.receiver_seconds)


def measured(file: Path, given: Assumptions) -> tuple[Assumptions, list[str]]:
    """Return assumptions with the figures of the last bench, and the names of those that it has."""
    results: dict[str, Any] = json.loads(file.read_text())["results"] if file.exists() else {}
    found: dict[str, float] = {}
    if this := _figures(results, "a").get("this"):
        found |= {f"{part}_cpu": middle(this[f"{part} CPU s per 1,000"]) for part in ("postgres", "rest", "worker")}
    if dispatch := _figures(results, "f").get("1 endpoint", {}).get("Postgres CPU s per 1,000 calls"):
        found["dispatch_cpu"] = middle(dispatch)
    if p := _figures(results, "p"):
        times = {form: p[form]["claim ms"] + p[form]["record ms"] for form in ("plain", "partitioned")}
        found |= {
            "partitioning_factor": max(1.0, times["partitioned"] / times["plain"]),
            "bytes_a_delivery": p["partitioned"]["bytes a delivery"],
            "bytes_an_attempt": p["partitioned"]["bytes an attempt"],
            "wal_a_dispatched_delivery": p["partitioned"]["WAL bytes a delivery, dispatch"],
            "wal_a_recorded_delivery": p["partitioned"]["WAL bytes a delivery, claim and record"],
        }
    return replace(given, **found), sorted(found)  # type: ignore[arg-type]


def _figures(results: dict[str, Any], scenario: str) -> dict[str, Any]:
    return dict(results.get(scenario, {}).get("figures", {}))
