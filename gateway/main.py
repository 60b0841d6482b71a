"""The gateway's composition root: `uvicorn --factory supabase_webhooks.gateway.main:app`, or `webhooks gateway`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from supabase_webhooks.gateway.app import create_app
from supabase_webhooks.webhooks import environment, logs
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from litestar import Litestar


def app() -> Litestar:
    """Return the application, wired from the environment."""
    environment.load(os.environ)
    settings = Settings.from_environment(os.environ)
    logs.configure(settings)
    return create_app(settings)
