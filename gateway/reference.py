"""The API reference at /schema: Swagger UI from files of our own, under the policy that all pages have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar.openapi.plugins import OpenAPIRenderPlugin

if TYPE_CHECKING:
    from litestar import Request
    from litestar.plugins.jinja import JinjaTemplateEngine


class Reference(OpenAPIRenderPlugin):
    """Litestar's own plugins load scripts and fonts from CDNs, and write scripts into the page."""

    def __init__(self, templates: JinjaTemplateEngine) -> None:
        super().__init__(path="/")
        self._page = templates.get_template("reference.html")

    def render(self, _: Request[Any, Any, Any], __: dict[str, Any]) -> bytes:
        """Return the page, which reads the description."""
        return self._page.render().encode()
