"""`python -m webhooks.cli`."""

from __future__ import annotations

from webhooks.cli import main

if __name__ == "__main__":
    main()
