"""`python -m bench [--short] [--before REVISION] [SCENARIO ...]`: the usual scenarios (all but p), or those named."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from bench import report
from bench.progress import say
from bench.scenarios import SCENARIOS, USUAL
from bench.sides import BEFORE, beside
from bench.world import World
from devstack.processes import exit_on_sigterm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sides import Sides


def main() -> None:
    """Run, and report."""
    parser = argparse.ArgumentParser(prog="bench", description=main.__doc__)
    parser.add_argument("--short", action="store_true", help="small numbers: about 15 minutes, rough figures")
    parser.add_argument("--keep", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument(
        "--before",
        default=BEFORE,
        metavar="REVISION",
        help=f'what k, l, m, a and calls compare with ({BEFORE}; "": nothing)',
    )
    parser.add_argument("--minutes", type=float, default=10, help="how long the soak lasts in its full form (10)")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    arguments = parser.parse_args()
    wanted = arguments.scenarios or list(USUAL)
    if unknown := set(wanted) - set(SCENARIOS):
        parser.error(f"unknown scenarios {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    exit_on_sigterm()
    seconds = sum(SCENARIOS[name].short if arguments.short else SCENARIOS[name].full for name in wanted)
    if "soak" in wanted and not arguments.short:
        seconds += (arguments.minutes - 10) * 60
    say(f"{', '.join(wanted)}: about {seconds / 60:.0f} minutes on two idle cores")
    with World() as world:
        row = world.db.execute("show server_version").fetchone()
        form = "the short form" if arguments.short else "the full form"
        about = {**report.machine(row[0] if row else "?"), "form": form}
        results: dict[str, Any] = {}

        def measure(names: Sequence[str], given: World | Sides) -> None:
            for name in names:
                say(f"({name}) {SCENARIOS[name].about}")
                begun = time.monotonic()
                more = {"minutes": arguments.minutes} if name == "soak" else {}
                result = SCENARIOS[name].run(given, short=arguments.short, **more)
                took = time.monotonic() - begun
                results[name] = {"about": SCENARIOS[name].about, **result, "took s": took}
                say(f"({name}) took {took:.0f} s")

        try:
            if compared := [name for name in wanted if SCENARIOS[name].compares]:
                with beside(world, arguments.before) as sides:
                    about["before"] = arguments.before if "before" in sides else "nothing"
                    measure(compared, sides)
            measure([name for name in wanted if name not in compared], world)
        finally:
            # results from before a failure are still shown
            report.write(about, results, keep=arguments.keep and set(results) == set(USUAL))


if __name__ == "__main__":
    main()
