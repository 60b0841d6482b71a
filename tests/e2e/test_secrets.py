"""Secrets over their life: plain, sealed, rotated, with an overlap in which both sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis
from standardwebhooks import Webhook, WebhookVerificationError

from devstack.receiver import Received, Receiver
from supabase_webhooks.webhooks.sealing import generate_key, sealer

if TYPE_CHECKING:
    from tests.e2e.conftest import System


def verifies(request: Received, secret: str) -> bool:
    """Return whether a receiver with this secret accepts a request."""
    try:
        Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def stored(system: System) -> list[str]:
    """Return all secrets as they are stored."""
    rows = system.db.execute(
        "select s ->> 'secret_key' as secret_key from jsonb_array_elements(public.list_webhook_secrets()) as s"
    ).fetchall()
    return [row["secret_key"] for row in rows]


def test_rotation_with_an_overlap_and_encryption_at_rest(system: System) -> None:
    """Workers seal what they find in plain text; after a rotation both secrets verify, then only the new one."""
    first_key, second_key = generate_key(), generate_key()
    old = system.secret
    with Receiver() as receiver:
        endpoint = system.endpoint(receiver.url)
        worker = system.worker(WEBHOOKS_ENCRYPTION_KEYS=first_key)
        system.wait(lambda: all(secret.startswith("fernet:") for secret in stored(system)))
        system.dispatch()
        (first,) = receiver.wait_for(1)
        assert first.verified(old)

        row = system.db.execute(
            "select public.rotate_webhook_secret(%s) ->> 'secret_key' as new", (endpoint,)
        ).fetchone()
        new = row["new"]  # type: ignore[index]
        system.dispatch()
        second = receiver.wait_for(2)[1]
        assert verifies(second, old)
        assert verifies(second, new)
        assert second.verified(old), "the platform's own header stays the old secret's until the overlap ends"

        # a new key: everything is sealed again, with it
        worker.stop()
        with redis.Redis.from_url(system.valkey.url) as client:
            client.flushall()  # the first worker's turn lasts a minute
        worker = system.worker(WEBHOOKS_ENCRYPTION_KEYS=f"{second_key},{first_key}")
        with_new = sealer(second_key)
        system.wait(lambda: len(stored(system)) == 2 and all(map(with_new.is_sealed, stored(system))))
        worker.stop()
        system.worker(WEBHOOKS_ENCRYPTION_KEYS=second_key)

        system.db.execute("update webhooks.previous_secrets set expires_at = now()")
        system.dispatch()
        third = receiver.wait_for(3)[2]
        assert third.verified(new)
        assert not verifies(third, old)
        system.wait_for_status("delivered", 3)


def test_a_plain_secret_made_in_studio_goes_on_working(system: System) -> None:
    """Before any worker has sealed it, and without keys at all."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.worker()
        system.dispatch()
        (request,) = receiver.wait_for(1)
        assert request.verified(system.secret)
    assert stored(system) == [system.secret]
