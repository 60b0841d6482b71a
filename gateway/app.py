"""The application: `create_app(settings)`. Stateless; it connects when the first request needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme, Server
from litestar.template import TemplateConfig

from supabase_webhooks.gateway import api
from supabase_webhooks.gateway.access import Access
from supabase_webhooks.gateway.api_tokens import ApiTokens
from supabase_webhooks.gateway.dashboard import routers
from supabase_webhooks.gateway.dashboard.errors import NOT_THERE
from supabase_webhooks.gateway.dashboard.page import template_engine
from supabase_webhooks.gateway.engine import Engine
from supabase_webhooks.gateway.errors import EXCEPTION_HANDLERS, log_unexpected
from supabase_webhooks.gateway.head import Head
from supabase_webhooks.gateway.methods import Offered
from supabase_webhooks.gateway.metrics import Requests
from supabase_webhooks.gateway.pkce import Redirects
from supabase_webhooks.gateway.prefix import Prefixed
from supabase_webhooks.gateway.reference import Reference
from supabase_webhooks.gateway.routes import discussions, dispatcher, functions, probes
from supabase_webhooks.gateway.security import secure
from supabase_webhooks.gateway.supabase import Supabase
from supabase_webhooks.gateway.tries import Tries
from supabase_webhooks.webhooks.queue import broker_for
from supabase_webhooks.webhooks.versions import CheckedStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import CollectorRegistry

    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.settings import Settings

#: What the old Edge Functions allowed browsers to send, and the header of the API's writes.
CORS_HEADERS = ["authorization", "x-client-info", "apikey", "content-type", "idempotency-key"]

#: Bytes of a request: the largest event that the database takes (256 KB), and what surrounds it.
MAX_BODY = 320 * 1024

BEARER = SecurityScheme(
    type="http",
    scheme="bearer",
    description="An API token (whk_...) with the scope that the route names, a webhook admin's access token from"
    " Supabase Auth, or, from a server, the service key.",
)


def create_app(
    settings: Settings,
    *,
    broker: Broker | None = None,
    engine: Engine | None = None,
    registries: Sequence[CollectorRegistry] = (),
) -> Prefixed:
    """Return the ASGI application.

    `broker`, `engine`: those that its process uses too. `registries`: figures of the process for /metrics.
    """
    store = CheckedStore(settings)
    supabase = Supabase(settings, fits=store.fits)
    broker = broker or broker_for(settings.queue_url)
    engine = engine or Engine(settings)
    offered, redirects = Offered(supabase), Redirects(supabase)
    tries = Tries(store, settings)
    api_tokens = ApiTokens(store, tries)
    requests = Requests(registries)
    templates = template_engine()
    app = Prefixed(
        # Litestar's own configuration of logging starts a thread
        logging_config=None,
        after_exception=[log_unexpected],
        middleware=[Access(requests)],
        before_send=[secure],
        route_handlers=[
            *dispatcher.ROUTES,
            *functions.ROUTES,
            *discussions.ROUTES,
            *probes.ROUTES,
            api.router(),
            *routers(settings),
        ],
        template_config=TemplateConfig(instance=templates),
        dependencies={
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "store": Provide(lambda: store, sync_to_thread=False),
            "supabase": Provide(lambda: supabase, sync_to_thread=False),
            "offered": Provide(lambda: offered, sync_to_thread=False),
            "redirects": Provide(lambda: redirects, sync_to_thread=False),
            "tries": Provide(lambda: tries, sync_to_thread=False),
            "api_tokens": Provide(lambda: api_tokens, sync_to_thread=False),
            "broker": Provide(lambda: broker, sync_to_thread=False),
            "engine": Provide(lambda: engine, sync_to_thread=False),
            "requests": Provide(lambda: requests, sync_to_thread=False),
        },
        exception_handlers={**EXCEPTION_HANDLERS, **NOT_THERE},
        cors_config=CORSConfig(
            allow_origins=[origin.strip() for origin in settings.cors_origins.split(",")],
            allow_methods=["GET", "POST", "PATCH", "DELETE", "OPTIONS"],
            allow_headers=CORS_HEADERS,
        ),
        openapi_config=OpenAPIConfig(
            title="Webhook gateway",
            use_handler_docstrings=True,
            version="1",
            description="Delivers due webhooks, reports their health, and lets admins inspect and manage them.",
            components=Components(security_schemes={"bearer": BEARER}),
            render_plugins=[Reference(templates)],
            servers=[Server(url=settings.root_path or "/")],
        ),
        on_shutdown=[engine.close, store.close, supabase.close],
        request_max_body_size=MAX_BODY,
    )
    app.prefix = settings.root_path
    # what the dashboard's handlers of errors read
    app.state.offered = offered
    app.asgi_handler = Head(app.asgi_handler)
    return app
