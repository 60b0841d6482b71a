"""The application: `create_app(settings)`. Stateless; nothing is connected before the first request needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from gateway.access import Access
from gateway.errors import EXCEPTION_HANDLERS, log_unexpected
from gateway.metrics import Requests
from gateway.routes import functions, probes
from webhooks.queue import create_broker
from webhooks.store import Store

if TYPE_CHECKING:
    from webhooks.settings import Settings

#: What the old Edge Functions allowed browsers to send.
CORS_HEADERS = ["authorization", "x-client-info", "apikey", "content-type"]


def create_app(settings: Settings) -> Litestar:
    """Return the ASGI application."""
    store = Store(settings)
    broker = create_broker(settings.redis_url)
    requests = Requests()
    return Litestar(
        # Litestar's own configuration of logging starts a thread
        logging_config=None,
        after_exception=[log_unexpected],
        middleware=[Access(requests)],
        route_handlers=[*functions.ROUTES, *probes.ROUTES],
        dependencies={
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "store": Provide(lambda: store, sync_to_thread=False),
            "broker": Provide(lambda: broker, sync_to_thread=False),
            "requests": Provide(lambda: requests, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        cors_config=CORSConfig(
            allow_origins=[origin.strip() for origin in settings.cors_origins.split(",")],
            allow_methods=["GET", "POST", "OPTIONS"],
            allow_headers=CORS_HEADERS,
        ),
        openapi_config=OpenAPIConfig(
            title="Webhook gateway",
            version="1",
            description="Enqueues due webhook deliveries and reports their health.",
            components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
        ),
        on_shutdown=[store.close],
        # a dispatcher's call has no body worth reading
        request_max_body_size=64 * 1024,
    )
