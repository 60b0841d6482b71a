"""The report: a table on the terminal, a JSON file, and the last run in docs/performance.md."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bench.world import DIRECTORY, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- the last run: make bench writes this -->", "<!-- end of the last run -->"
PACKAGES = ("httpx", "httptools", "uvloop", "dramatiq", "redis", "supabase", "msgspec", "structlog")


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
    """Print the table, write the JSON file, and keep a full run in the documentation."""
    (DIRECTORY.parent / "bench.json").write_text(json.dumps({"about": about, "results": results}, indent=2))
    text = "\n".join(_markdown(about, results))
    print(text)
    if keep and DOCS.exists():
        before, _, rest = DOCS.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def _markdown(about: dict[str, Any], results: dict[str, Any]) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in about.items()) + "."
    for name, result in results.items():
        yield f"\n### ({name}) {result['about']}\n"
        tables = {key: value for key, value in result.items() if isinstance(value, dict)}
        single = {key: value for key, value in result.items() if isinstance(value, int | float)}
        if single:
            yield "; ".join(f"{key}: {_number(value)}" for key, value in single.items()) + ".\n"
        columns = list(dict.fromkeys(key for table in tables.values() for key in table))
        if len(columns) > len(tables):  # the longer side goes down
            tables = {key: {row: tables[row][key] for row in tables if key in tables[row]} for key in columns}
            columns = list(dict.fromkeys(key for table in tables.values() for key in table))
        if tables:
            yield f"| | {' | '.join(columns)} |"
            yield "|---" * (len(columns) + 1) + "|"
            for key, table in tables.items():
                cells = [_number(table[column]) if column in table else "" for column in columns]
                yield f"| {key} | {' | '.join(cells)} |"


def _number(value: object) -> str:
    if isinstance(value, int) or (isinstance(value, float) and abs(value) >= 100):  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _installed(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True
