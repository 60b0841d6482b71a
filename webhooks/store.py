"""The store: Postgres's functions, called through the Supabase client."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from postgrest import AsyncPostgrestClient

from supabase import AsyncClient, AsyncClientOptions
from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.deliveries import Attempt, Claimed, Delivery, Endpoint, Recorded, UrlCheck
from supabase_webhooks.webhooks.errors import Held, StoreError, StoreUnavailable
from supabase_webhooks.webhooks.refusals import refused
from supabase_webhooks.webhooks.tokens import is_access_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from supabase_webhooks.webhooks.settings import Settings

#: Seconds for one call, at most. A claim or a record takes milliseconds; a stuck database must not hold a worker.
CALL_TIMEOUT = 10

#: And at most this share of a lease: a call that was lost in a restart of Postgres, and the results that wait
#: behind it, must be retried while their leases hold, or their deliveries would arrive twice.
CALL_PART_OF_LEASE = 1 / 4

#: The code of an argument that no JSON can carry: Postgres's for a character that its text cannot hold.
UNSENDABLE = "22P05"


class Store:
    """The database functions that gateway and workers use. Connects at the first call.

    With an access token, calls are its user's, whatever the key. Every method raises StoreUnavailable when Supabase
    does not respond and StoreError when it rejects the call.
    """

    def __init__(self, settings: Settings, *, access_token: str = "") -> None:
        self._settings = settings
        self._access_token = access_token
        self._client: AsyncClient | None = None

    async def claim(
        self, *, batch_size: int, busy: Mapping[str, int], worker: str, quiet_seconds: float | None = None
    ) -> Claimed:
        """Lease up to `batch_size` due deliveries; `busy` is how many of each endpoint the worker has in flight.

        With `quiet_seconds` the worker listens, and claims again after that time: until then it need not be notified.
        """
        claimed = await self._rpc(
            "claim_webhook_deliveries",
            {
                "batch_size": batch_size,
                "lease_seconds": self._settings.lease_seconds,
                "worker": worker,
                "per_endpoint": self._settings.endpoint_concurrency,
                "busy": dict(busy),
                "project": self._settings.project,
                "quiet_ms": None if quiet_seconds is None else round(quiet_seconds * 1000),
            },
        )
        with _translated("claim_webhook_deliveries"):
            if claimed["held"]:
                raise Held(**claimed["held"])
            return Claimed(_deliveries(claimed), claimed["due_in_seconds"], claimed["unchecked_urls"])

    async def record(self, attempts: Sequence[Attempt]) -> list[Recorded]:
        """Record attempts; recording the same attempt twice changes nothing."""
        policy = {
            "failure_threshold": self._settings.circuit_failures,
            "reset_seconds": self._settings.circuit_reset_seconds,
            "failure_rate": self._settings.circuit_failure_rate,
            "rate_minimum": self._settings.circuit_rate_minimum,
            "rate_window_seconds": self._settings.circuit_rate_window_seconds,
            "disable_after_seconds": self._settings.disable_after_days * 86_400,
        }
        results = {"results": msgspec.to_builtins(attempts), "policy": policy}
        done = await self._rpc("record_webhook_attempts", results)
        with _translated("record_webhook_attempts"):
            return msgspec.convert([*done["recorded"], *done["late"]], list[Recorded])

    async def release(self, deliveries: Sequence[Delivery]) -> int:
        """Give back leased deliveries that were not attempted; return how many were still leased."""
        leases = [{"delivery_id": d.id, "lease_id": d.lease_id} for d in deliveries]
        return int(await self._rpc("release_webhook_deliveries", {"leases": leases}))

    async def traceparents(self, deliveries: Sequence[Delivery]) -> dict[str, str]:
        """Return the `traceparent` that deliveries were dispatched with, by delivery id, where there was one."""
        rows = await self._rpc("webhook_traceparents", {"delivery_ids": [d.id for d in deliveries]})
        return msgspec.convert(rows, dict[str, str])

    async def due(self) -> int:
        """Return how many deliveries are due now (counted up to 10,000)."""
        return int((await self._rpc("webhook_backlog", {}))["due"])

    async def claim_url_checks(self, *, how_many: int) -> list[UrlCheck]:
        """Lease the checks of up to `how_many` new or changed URLs."""
        arguments = {
            "how_many": how_many, "lease_seconds": self._settings.lease_seconds, "project": self._settings.project
        }  # fmt: skip
        claimed = await self._rpc("claim_webhook_url_checks", arguments)
        with _translated("claim_webhook_url_checks"):
            return msgspec.convert(claimed, list[UrlCheck])

    async def record_url_checks(self, checked: Sequence[UrlCheck]) -> None:
        """Record what was found."""
        await self._rpc("record_webhook_url_checks", {"results": msgspec.to_builtins(checked)})

    async def purge(self, older_than: timedelta, *, batch_size: int) -> int:
        """Delete a batch of older finished rows; return how many."""
        arguments = {"older_than": f"{older_than.total_seconds()} seconds", "batch_size": batch_size}
        return int(await self._rpc("purge_webhook_history", arguments))

    async def prepare_partitions(self) -> int:
        """Create the partitions of the coming days, if history is partitioned; return how many."""
        return int(await self._rpc("prepare_webhook_partitions", {}))

    async def secrets(self) -> list[tuple[str, str]]:
        """Return all endpoints' secrets as stored, with the endpoints' ids; previous ones that still sign too."""
        return [(row["webhook_config_id"], row["secret_key"]) for row in await self._rpc("list_webhook_secrets", {})]

    async def replace_secret(self, webhook_config_id: str, stored: str, sealed: str) -> bool:
        """Store a secret in another form; return False if it has changed in the meantime."""
        arguments = {"webhook_config_id": webhook_config_id, "stored": stored, "sealed": sealed}
        return bool(await self._rpc("replace_webhook_secret", arguments))

    async def start_run(self, source: str) -> tuple[str, int]:
        """Record the cron's heartbeat; return the run's id and how many deliveries are due."""
        run = await self._rpc("start_webhook_dispatcher_run", {"source": source})
        return str(run["run_id"]), int(run["due"])

    async def finish_run(self, run_id: str, *, enqueued: int, error: str | None = None) -> None:
        """Record how a dispatcher run ended."""
        await self._rpc("finish_webhook_dispatcher_run", {"run_id": run_id, "enqueued": enqueued, "error": error})

    async def health(self) -> dict[str, Any]:
        """Return the last hour's deliveries by status, the backlog, the endpoints and the last run."""
        return dict(await self._rpc("webhook_health", {}))

    async def send_test(self, webhook_config_id: str, *, api_token: str | None = None) -> dict[str, Any]:
        """Create a test delivery for an endpoint; return its delivery_id and request_id.

        `api_token`: the id of the API token that asks for it, for the log of actions.
        """
        arguments = {"webhook_config_id": webhook_config_id}
        body = {"action": "send_test", "arguments": arguments, "api_token": api_token}
        return dict(await self._rpc("webhook_admin_write", body))

    async def close_expired_discussions(self, *, batch_size: int) -> tuple[int, int]:
        """Close up to `batch_size` expired discussions; return how many were closed and how many remain."""
        done = await self._rpc("close_expired_discussions", {"batch_size": batch_size})
        return int(done["closed"]), int(done["remaining"])

    async def is_admin(self, access_token: str) -> bool:
        """Return whether a user's access token is an admin's now; False if it is invalid or has expired."""
        if not is_access_token(access_token):
            return False
        headers = {"apikey": self._settings.service_key, "Authorization": f"Bearer {access_token}"}
        client = AsyncPostgrestClient(f"{self._settings.supabase_url.rstrip('/')}/rest/v1", headers=headers)
        client.session.event_hooks = {"response": [_refuse]}
        try:
            async with client:
                with _translated("webhook_admin_check"):
                    await client.rpc("webhook_admin_check", {}).execute()
        except StoreUnavailable:
            raise
        except StoreError:
            return False
        return True

    async def find_api_token(self, digest: str) -> dict[str, Any] | None:
        """Return id, name, prefix and scopes of the valid API token with this hash, if there is one."""
        found = await self._rpc("find_webhook_api_token", {"hash": digest})
        return None if found is None else dict(found)

    async def count_sign_in(self, pair: str) -> int:
        """Count a sign-in attempt; return the seconds until the next one is allowed, 0 if this one is."""
        return int(await self._rpc("count_webhook_sign_in", {"pair": pair}))

    async def forget_sign_ins(self, pair: str) -> None:
        """Reset the attempts of a pair of address and account."""
        await self._rpc("forget_webhook_sign_ins", {"pair": pair})

    async def call(self, function: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call any of the database's functions that has no method here."""
        return await self._rpc(function, arguments)

    async def rows(self, table: str, parameters: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return rows of a table; `parameters` as PostgREST has them."""
        rest = self._connected().postgrest
        with _translated(table):
            response = await rest.session.get(table, params=list(parameters), headers=rest.headers)
            return list(exact.decode(response.content, float))

    async def change(self, table: str, parameters: Sequence[tuple[str, str]], values: dict[str, Any]) -> None:
        """Change the rows of a table that match `parameters`, as PostgREST has them."""
        rest = self._connected().postgrest
        headers = {**rest.headers, "Content-Type": "application/json", "Prefer": "return=minimal"}
        with _translated(table):
            await rest.session.patch(table, params=list(parameters), headers=headers, content=exact.encode(values))

    def authenticate(self, access_token: str) -> None:
        """Go on as the user of this access token: a session is renewed about once an hour."""
        self._access_token = access_token
        if self._client is not None:
            self._client.postgrest.auth(access_token)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.postgrest.aclose()
            self._client = None

    async def _rpc(self, function: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the function returns
        try:
            body = exact.encode(arguments)
        except ValueError as exc:
            raise StoreError(f"{function}: an argument cannot be sent ({exc})", code=UNSENDABLE) from None
        rest = self._connected().postgrest
        headers = {**rest.headers, "Content-Type": "application/json"}
        with _translated(function):
            # not the client's rpc(): it would round numbers, and could not read those with many digits
            response = await rest.session.post(f"rpc/{function}", content=body, headers=headers)
            return exact.decode(response.content, float) if response.content else None

    def _connected(self) -> AsyncClient:
        if self._client is None:
            # not acreate_client: between its awaits a second call would create a second client
            # as an object: the client rounds a number down, to nothing below one
            timeout = httpx.Timeout(min(CALL_TIMEOUT, self._settings.lease_seconds * CALL_PART_OF_LEASE))
            options = AsyncClientOptions(
                postgrest_client_timeout=timeout, auto_refresh_token=False, persist_session=False
            )
            self._client = AsyncClient(self._settings.supabase_url, self._settings.service_key, options)
            self._client.postgrest.session.event_hooks = {"response": [_refuse]}
            if self._access_token:
                self._client.postgrest.auth(self._access_token)
        return self._client


def _deliveries(claimed: dict[str, Any]) -> list[Delivery]:
    """Return claimed deliveries, each with its endpoint's settings, which the response contains once."""
    endpoints = {one["id"]: msgspec.convert(one, Endpoint) for one in claimed["endpoints"]}
    for row in claimed["deliveries"]:
        row["endpoint"] = endpoints[row.pop("endpoint_id")]
        row["lease_id"] = claimed["lease_id"]
    return msgspec.convert(claimed["deliveries"], list[Delivery])


@contextmanager
def _translated(asked: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as exc:
        raise StoreUnavailable(f"Supabase did not respond to {asked} ({type(exc).__name__})") from exc
    except (TypeError, ValueError, KeyError) as exc:
        # a maintenance page with status 200, for example
        raise StoreUnavailable(f"the response to {asked} is not from Supabase's API ({type(exc).__name__})") from exc


async def _refuse(response: httpx.Response) -> None:
    """Raise the error of an unsuccessful response; the client's own error lacks the status."""
    if not response.is_success and not response.has_redirect_location:
        await response.aread()
        raise refused(response, response.request.url.path.rpartition("/")[2])
