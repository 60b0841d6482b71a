"""`webhooks dev`: the stack with a gateway and workers, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from devstack.errors import StackError
from devstack.processes import exit_on_sigterm
from devstack.services import Gateway, Worker
from devstack.stack import DATABASE, Stack

if TYPE_CHECKING:
    from pathlib import Path


def run(directory: Path, *, workers: int) -> int:
    """Run everything, print how to reach it, and stay; return the exit code."""
    exit_on_sigterm()
    try:
        with ExitStack() as resources:
            stack = resources.enter_context(Stack(directory, say=_say))
            gateway = Gateway(stack.environment(), log=directory / "gateway.log")
            worker = Worker(
                {**stack.environment(), **stack.listening()}, log=directory / "worker.log", processes=workers
            )
            for service in (gateway, worker):
                resources.callback(service.stop)
                service.start()
            for name, value in {
                **stack.environment(),
                "DATABASE_URL": stack.postgres.dsn(DATABASE),
                "WEBHOOKS_GATEWAY_URL": gateway.url,
            }.items():
                print(f"export {name}={value}")
            print(f"# Studio {stack.supabase.url}/   logs in {directory}/   Ctrl-C ends it", flush=True)
            while True:
                stack.check()
                gateway.check()
                worker.check()
                time.sleep(1)
    except StackError as exc:
        print(f"webhooks dev: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _say(text: str) -> None:
    # not to stdout, whose lines a shell may source
    print(text, file=sys.stderr)
