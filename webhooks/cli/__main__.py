"""`python -m supabase_webhooks.webhooks.cli`."""

from __future__ import annotations

from supabase_webhooks.webhooks.cli import main

if __name__ == "__main__":
    main()
