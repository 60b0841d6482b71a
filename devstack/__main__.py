"""`python -m devstack`: the stack alone, until Ctrl-C."""

from __future__ import annotations

import sys
import time

from devstack.errors import StackError
from devstack.processes import exit_on_sigterm
from devstack.stack import Stack


def main() -> None:
    """Run the stack and print how to reach it."""
    exit_on_sigterm()
    try:
        with Stack() as stack:
            for name, value in stack.environment().items():
                print(f"export {name}={value}")
            print(f"Postgres {stack.postgres.dsn('app')}\nStudio   {stack.supabase.url}/\nCtrl-C ends it", flush=True)
            while True:
                stack.check()
                time.sleep(1)
    except StackError as exc:
        sys.exit(f"devstack: {exc}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
