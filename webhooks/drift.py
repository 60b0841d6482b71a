"""Drift: which objects of a database differ from this version's."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Functions that an app may replace: never reported (devstack/schemas.py creates them only if absent).
REPLACEABLE = (
    "public.is_webhook_admin(",
    "public.is_webhook_viewer(",
    "public.webhook_tenants(",
    "webhooks.dispatch_limit_per_minute(",
    "webhooks.purge_deliveries(",
)

#: Keys that a table loses when history is partitioned: each partition has its own.
PARTITIONED = {f"public.webhook_{table}.webhook_{table}_pkey" for table in ("deliveries", "attempts")}


@dataclass(frozen=True)
class Difference:
    """One object that differs from this version's."""

    kind: str
    name: str
    how: Literal["differs", "missing", "extra"]

    def __str__(self) -> str:
        text = {
            "differs": "differs from this version",
            "missing": "is missing",
            "extra": "is not part of this version",
        }
        return f"{self.kind} {self.name} {text[self.how]}"


def expected(labels: Collection[str]) -> dict[str, dict[str, str]]:
    """Return what the migrations with these labels create."""
    shipped = msgspec.json.decode(
        (files("supabase_webhooks.webhooks") / "expected.json").read_bytes(), type=dict[str, dict[str, dict[str, str]]]
    )
    made: dict[str, dict[str, str]] = {}
    for label in ("system", "platform"):
        if label in labels:
            for kind, objects in shipped[label].items():
                made.setdefault(kind, {}).update(objects)
    return made


def differences(found: Mapping[str, Mapping[str, str]], labels: Collection[str]) -> list[Difference]:
    """Return what differs from the migrations that a database has; `found` is what webhook_inventory() returned."""
    wanted = expected({"system", *labels})
    partitioned = "partitions_swap" in labels
    result = []
    for kind in sorted({*found, *wanted}):
        has, should = found.get(kind, {}), wanted.get(kind, {})
        for name in sorted({*has, *should}):
            if has.get(name) == should.get(name) or (kind == "function" and name.startswith(REPLACEABLE)):
                continue
            if partitioned and name in PARTITIONED:
                continue
            how: Literal["differs", "missing", "extra"] = (
                "missing" if name not in has else "extra" if name not in should else "differs"
            )
            result.append(Difference(kind, name, how))
    return result
