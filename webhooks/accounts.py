"""Accounts of Supabase Auth, by its admin API: who is a webhook admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from supabase_webhooks.webhooks.errors import StoreUnavailable
from supabase_webhooks.webhooks.refusals import refused

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.settings import Settings

#: Our key of app_metadata, and the role that it names.
CLAIM, ADMIN = "webhooks_role", "admin"

#: Seconds for one call; Auth hashes a new account's password.
CALL_TIMEOUT = 10


def add_admin(settings: Settings, user_id: str) -> None:
    """Make an account a webhook admin. Raises StoreError."""
    _set_role(settings, user_id, ADMIN)


def remove_admin(settings: Settings, user_id: str) -> None:
    """Remove the role from an account. Raises StoreError."""
    _set_role(settings, user_id, None)


def create_admin(settings: Settings, email: str, password: str) -> None:
    """Create an account that is a webhook admin, with a confirmed address. Raises StoreError."""
    body = {"email": email, "password": password, "email_confirm": True, "app_metadata": {CLAIM: ADMIN}}
    _ask(settings, "POST", "/auth/v1/admin/users", body)


def _set_role(settings: Settings, user_id: str, role: str | None) -> None:
    # Auth merges app_metadata key by key, and deletes a key that is null (supabase/auth, User.UpdateAppMetaData)
    _ask(settings, "PUT", f"/auth/v1/admin/users/{user_id}", {"app_metadata": {CLAIM: role}})


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
