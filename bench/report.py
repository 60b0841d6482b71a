"""The report: tables on the terminal, a JSON file, and the last run in docs/performance.md."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bench.bars import judge
from bench.peers import NOTE, beside
from bench.tables import number, table
from bench.world import DIRECTORY, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- the last run: make bench writes this -->", "<!-- end of the last run -->"
PACKAGES = ("httpx", "httptools", "uvloop", "dramatiq", "redis", "supabase", "msgspec", "structlog")

#: What a result has for the JSON file and the bars, but no reader.
ASIDE = ("about", "notes", "lite", "postgrest", "each round")


def machine(postgres: str) -> dict[str, Any]:
    """Return where and with what the figures were taken."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.platform()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "Postgres": postgres,
        **{name: version(name) for name in PACKAGES if _installed(name)},
    }


def write(about: dict[str, Any], results: dict[str, Any], *, keep: bool) -> None:
    """Print the tables, write the JSON file, and keep a full run in the documentation."""
    bars = judge(results)
    kept = {"about": about, "results": results, "bars": bars}
    (DIRECTORY.parent / "bench.json").write_text(json.dumps(kept, indent=2))
    text = "\n".join(markdown(about, results, bars))
    print(f"\n{text}")
    if keep and DOCS.exists():
        before, _, rest = DOCS.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def markdown(about: dict[str, Any], results: dict[str, Any], bars: dict[str, Any]) -> Iterator[str]:
    """Return the report's lines."""
    yield ", ".join(f"{name} {value}" for name, value in about.items()) + "."
    yield "\n### The bars, computed from the figures below\n"
    yield from table(bars)
    if peers := beside(results):
        yield "\n### Alongside other systems\n"
        yield from table(peers)
        yield f"\n{NOTE}"
    for name, result in results.items():
        yield f"\n### ({name}) {result['about']}"
        shown = {key: value for key, value in result.items() if key not in ASIDE}
        single = [f"{key}: {number(value)}" for key, value in shown.items() if not isinstance(value, dict)]
        yield f"\n{'; '.join(single)}."
        for key, value in shown.items():
            if isinstance(value, dict):
                yield f"\n{key}:\n" if key != "figures" else ""
                yield from table(value)
        if notes := result.get("notes"):
            yield f"\n{' '.join(notes)}"


def _installed(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True
