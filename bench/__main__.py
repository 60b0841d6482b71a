"""`python -m bench [--short] [SCENARIO ...]`: all scenarios, or those named."""

from __future__ import annotations

import argparse
import time

from bench import report
from bench.scenarios import SCENARIOS
from bench.world import World
from devstack.processes import exit_on_sigterm


def main() -> None:
    """Run, and report."""
    parser = argparse.ArgumentParser(prog="bench", description=main.__doc__)
    parser.add_argument("--short", action="store_true", help="small numbers: about two minutes, rough figures")
    parser.add_argument("--keep", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    arguments = parser.parse_args()
    wanted = arguments.scenarios or list(SCENARIOS)
    if unknown := set(wanted) - set(SCENARIOS):
        parser.error(f"unknown scenarios {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    exit_on_sigterm()
    with World() as world:
        row = world.db.execute("show server_version").fetchone()
        form = "the short form" if arguments.short else "the full form"
        about = {**report.machine(row[0] if row else "?"), "form": form}
        results = {}
        try:
            for name in wanted:
                begun = time.monotonic()
                scenario = SCENARIOS[name]
                results[name] = {"about": (scenario.__doc__ or "").strip(), **scenario(world, short=arguments.short)}
                print(f"({name}) took {time.monotonic() - begun:.0f} s", flush=True)
        finally:
            # what was measured before something failed is shown all the same
            report.write(about, results, keep=arguments.keep and set(results) == set(SCENARIOS))


if __name__ == "__main__":
    main()
