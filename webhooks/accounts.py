"""Accounts of Supabase Auth, by its admin API: who is a webhook admin or viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from supabase_webhooks.webhooks.errors import StoreUnavailable
from supabase_webhooks.webhooks.refusals import refused

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.settings import Settings

#: Our keys of app_metadata: the role, and whether a viewer sees payloads and responses.
CLAIM, PAYLOADS = "webhooks_role", "webhooks_payloads"

ADMIN, VIEWER = "admin", "viewer"

#: Seconds for one call; Auth hashes a new account's password.
CALL_TIMEOUT = 10


def set_role(settings: Settings, user_id: str, role: str | None, *, payloads: bool = False) -> None:
    """Give an account a role, or with None take it away. `payloads`: a viewer sees them. Raises StoreError."""
    # Auth merges app_metadata key by key, and deletes a key that is null (supabase/auth, User.UpdateAppMetaData)
    _ask(settings, "PUT", f"/auth/v1/admin/users/{user_id}", {"app_metadata": _claims(role, payloads=payloads)})


def create_account(settings: Settings, email: str, password: str, role: str, *, payloads: bool = False) -> None:
    """Create an account with a role and a confirmed address. Raises StoreError."""
    claims = {name: value for name, value in _claims(role, payloads=payloads).items() if value}
    body = {"email": email, "password": password, "email_confirm": True, "app_metadata": claims}
    _ask(settings, "POST", "/auth/v1/admin/users", body)


def _claims(role: str | None, *, payloads: bool) -> dict[str, Any]:
    return {CLAIM: role, PAYLOADS: payloads or None}


def _ask(settings: Settings, method: str, path: str, body: dict[str, Any]) -> None:
    headers = {"apikey": settings.service_key, "Authorization": f"Bearer {settings.service_key}"}
    try:
        response = httpx.request(
            method, f"{settings.supabase_url.rstrip('/')}{path}", headers=headers, json=body, timeout=CALL_TIMEOUT
        )
    except httpx.HTTPError as exc:
        raise StoreUnavailable(f"Supabase Auth did not respond ({type(exc).__name__})") from exc
    if not response.is_success:
        raise refused(response, "Supabase Auth")
