"""Peers: what other systems took on the same work, measured once, and ours of this run alongside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.tables import number

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = ("deliveries/s", "CPU s per 1,000", "p50 / p99 ms at 50/s", "CPU ms per delivery at 50/s")

#: Versions and settings: `NOTE`.
PEERS = {
    "WebhookX 1.2 (Go)": ("2,150 to 2,560", "0.68 to 0.83", "3.6 / 9.1", "4.6"),
    "Svix 1.100 (Rust)": ("2,130 to 2,230", "0.81 to 0.85", "6.2 / 12.7", "7.5"),
    "Outpost 1.2 (Go)": ("1,820 to 1,990", "0.91 to 0.96", "27 / 57", "6.8"),
    "Convoy 26.7 (Go)": ("223", "8.6", "840 / 2,078", "10"),
    "pg_net 0.20 (no retries, unsigned)": ("200", "0.18", "523 / 1,017", "0.8"),
}

NOTE = (
    "Ours are (k) and (l) of this run. The peers were measured once, on 25 November 2026, with the same events, "
    "receiver and durable Postgres (fsync and synchronous_commit on; nothing lost by any of them), on two cores on "
    "which (a)'s client alone took 0.083 CPU s per 1,000. What it takes in this run says how the two machines "
    "compare. They commit synchronously; their Redis had no append-only file. Convoy was built with two modules off "
    "the hot path replaced. Outpost ran with a concurrency of 100; with its default of 1 it delivers 340/s."
)

FORMS = {"through REST": "by REST", "by SQL in the app's own transaction": "by SQL"}


def beside(results: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return a row for each of our sides and ways in a run's results, and for each peer; none without (k) and (l)."""
    arriving, steady = results.get("k"), results.get("l", {}).get("50/s")
    if not arriving or not steady:
        return {}
    ours = {}
    for form, way in FORMS.items():
        for side in reversed(arriving[form]):
            closed, opened = arriving[form][side], steady[f"{side}, {way}"]
            total, without = "total CPU {}", "total without REST CPU {}"
            ours[f"{side}, {form}"] = (
                number(closed["deliveries/s"]),
                _both(closed, total, without, "s per 1,000"),
                f"{number(opened['p50 ms'])} / {number(opened['p99 ms'])}",
                _both(opened, total, without, "ms per delivery"),
            )
    return {name: dict(zip(COLUMNS, row, strict=True)) for name, row in {**ours, **PEERS}.items()}


def _both(figures: Mapping[str, Any], total: str, without: str, unit: str) -> str:
    return f"{number(figures[total.format(unit)])}, without REST {number(figures[without.format(unit)])}"
