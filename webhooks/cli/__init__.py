"""The command line: `webhooks`. One module a group of commands; `root` puts them together."""

from __future__ import annotations


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong call or settings, 3 Supabase or broker down."""
    # imported here: `import webhooks.cli` alone loads no terminal library
    from supabase_webhooks.webhooks.cli.root import run  # noqa: PLC0415

    run()
