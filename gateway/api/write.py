"""Writes, once for an Idempotency-Key."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response
from litestar.params import HeaderParameter

from supabase_webhooks.gateway.session import Admin

T = TypeVar("T")

#: The header of every write (IETF draft "The Idempotency-Key HTTP Header Field").
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        max_length=255,
        min_length=1,
        description="Any string, new for each request. A repeated key within 24 hours does nothing and returns the"
        " first response, without its secret.",
    ),
]


async def write(
    caller: Admin,
    action: str,
    kind: type[T],
    key: str | None,
    *,
    status: int,
    **arguments: Any,  # noqa: ANN401 - JSON
) -> Response[T]:
    """Do a write and return its response; a repeated one has the header Idempotent-Replayed."""
    made = await caller.write(action, key, **arguments)
    headers = {"Idempotent-Replayed": "true"} if made.get("repeated") else {}
    return Response(msgspec.convert(made, kind), status_code=status, headers=headers)
