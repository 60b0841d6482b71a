"""Logs, metrics and traces of the running system, read as those who run it read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from devstack.processes import free_port
from devstack.receiver import Received, Receiver, Reply
from tests.conftest import ROOT
from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import System

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
METRICS_TOKEN = "token-of-prometheus"


def lines(log: Path) -> list[dict[str, Any]]:
    """Return a log's lines, each of which must be a JSON object."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def figures(url: str, token: str = METRICS_TOKEN) -> dict[str, float]:
    """Return the figures by name and labels."""
    answer = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.status_code == 200, answer.text
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def flaky() -> Callable[[Received], Reply]:
    """Return a responder that fails each delivery's first attempt."""
    seen: set[str] = set()

    def answer(request: Received) -> Reply:
        first = request.headers["webhook-id"] not in seen
        seen.add(request.headers["webhook-id"])
        return Reply(500 if first else 200)

    return answer


def test_logs(system: System) -> None:
    """Every line is JSON; an attempt's carries all four ids; nothing secret, nor the users' data, is in it."""
    with Receiver(answer=flaky()) as receiver:
        system.endpoint(receiver.url + "/path?token=geheim")
        worker, gateway = system.worker(), system.gateway()
        system.dispatch(1)
        system.wait_for_status("delivered", 1)
    (row,) = system.rows()
    assert worker.child
    assert gateway.child
    for service in (worker, gateway):
        assert "project 127.0.0.1" in [line["event"] for line in lines(service.child.log)]
    attempts = [line for line in lines(worker.child.log) if line["event"].startswith("attempt ")]
    request_id = str(row["request_id"])
    assert [(line["event"], line["level"], line["attempt"], line["response_status"]) for line in attempts] == [
        ("attempt failed", "warning", 1, 500),
        ("attempt delivered", "info", 2, 200),
    ]
    assert {line["delivery_id"] for line in attempts} == {str(row["id"])}
    assert {line["request_id"] for line in attempts} == {request_id}
    assert {line["trace_id"] for line in attempts} == {request_id.replace("-", "")}
    text = worker.child.log.read_text()
    assert "Zürich" not in text
    assert "geheim" not in text

    headers = {"Authorization": f"Bearer {TOKEN}", "X-Request-ID": "mine-1", "traceparent": TRACEPARENT}
    url = f"{gateway.url}/functions/v1/webhook-health?token=geheim"
    assert httpx.get(url, headers=headers, trust_env=False).headers["x-request-id"] == "mine-1"
    forged = httpx.get(url, headers={"X-Request-ID": 'x","level":"y'}, trust_env=False)
    assert len(forged.headers["x-request-id"]) == 36
    requests = [line for line in lines(gateway.child.log) if line["event"] == "request"]
    assert [(line["request_id"], line["path"], line["status"]) for line in requests] == [
        ("mine-1", "/functions/v1/webhook-health", 200),
        (forged.headers["x-request-id"], "/functions/v1/webhook-health", 401),
    ]
    assert requests[0]["trace_id"] == TRACE
    assert not any(secret in gateway.child.log.read_text() for secret in ("geheim", TOKEN))


def test_metrics(system: System) -> None:
    """Each figure is a count of the tables; both processes of a worker count; the token is asked for."""
    port = free_port()
    with Receiver(answer=flaky()) as receiver:
        endpoint = system.endpoint(receiver.url)
        system.worker(
            2, WEBHOOKS_METRICS_LISTEN=f"127.0.0.1:{port}", WEBHOOKS_METRICS_TOKEN=METRICS_TOKEN,
            WEBHOOKS_CIRCUIT_FAILURE_RATE="2", WEBHOOKS_CIRCUIT_FAILURES="1000",
        )  # fmt: skip
        gateway = system.gateway(WEBHOOKS_METRICS_TOKEN=METRICS_TOKEN)
        system.dispatch(30)
        system.wait_for_status("delivered", 30)
    worker_url = f"http://127.0.0.1:{port}"
    for url in (worker_url, gateway.url):
        assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 401
    seen = figures(worker_url)
    assert seen["webhooks_attempts_total outcome=delivered scheme=http"] == 30
    assert seen["webhooks_attempts_total outcome=failed scheme=http"] == 30
    assert seen["webhooks_attempt_seconds_count scheme=http"] == len(system.attempts()) == 60
    assert seen["webhooks_delivery_seconds_count"] == 30
    # every retry waits for two seconds
    assert seen["webhooks_delivery_seconds_sum"] > 60
    assert seen["webhooks_claimed_total"] == 60
    assert seen["webhooks_in_flight"] == 0
    system.wait(lambda: figures(worker_url).get("webhooks_recorded_total status=delivered") == 30)

    quiet = figures(gateway.url)
    assert quiet["webhooks_database_up"] == 1
    assert (quiet["webhooks_backlog_due"], quiet["webhooks_backlog_age_seconds"]) == (0, 0)
    assert quiet["webhooks_circuits state=closed"] == 1
    assert "webhooks_dispatcher_silence_seconds" not in quiet

    system.db.execute("""
        update public.webhook_circuits set state = 'open', open_until = now() + interval '1 hour';
        insert into public.webhook_deliveries (webhook_config_id, event_type, payload)
        select webhook_config_id, 'x.y', '{}' from public.webhook_circuits, generate_series(1, 7);
        insert into public.webhook_dispatcher_runs (source, started_at) values ('x', now() - interval '1 minute');
    """)
    troubled = figures(gateway.url)
    assert troubled["webhooks_circuits state=open"] == 1
    assert troubled[f"webhooks_endpoint_circuit id={endpoint} name=receiver state=open"] == 1
    assert troubled["webhooks_unfinished_deliveries status=pending"] == 7
    assert troubled["webhooks_dispatcher_silence_seconds"] == pytest.approx(60, abs=30)
    assert troubled["webhooks_gateway_requests_total method=GET route=/metrics status=200"] == 1

    assert system.supabase.child
    system.supabase.child.kill()
    assert figures(gateway.url)["webhooks_database_up"] == 0


def test_traces(system: System) -> None:
    """The app's trace goes on to the receiver; without one the request_id is the trace; spans are exported."""
    with Receiver() as collector, Receiver() as receiver:
        system.endpoint(receiver.url)
        headers = {"apikey": system.supabase.keys.secret, "traceparent": TRACEPARENT}
        answer = httpx.post(
            f"{system.supabase.url}/rest/v1/rpc/dispatch_webhook",
            headers={**headers, "Authorization": f"Bearer {system.supabase.keys.secret}"},
            json={"event_type": "discussion.extended", "event_data": {"discussion_id": "d", "new_expires_at": "x"}},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        system.dispatch(1)
        worker = system.worker(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="100")
        requests = {request.payload["event"]: request for request in receiver.wait_for(2)}
        system.wait_for_status("delivered", 2)
        worker.stop()
        spans = b"".join(request.body for request in collector.received)
        assert {request.path for request in collector.received} == {"/v1/traces"}

    continued = requests["discussion.extended"].headers["traceparent"].split("-")
    begun = requests["user.joined_community"].headers["traceparent"].split("-")
    assert continued[1] == TRACE
    assert continued[2] != TRACEPARENT.split("-")[2]
    assert begun[1] == requests["user.joined_community"].payload["request_id"].replace("-", "")
    for event, (_, trace_id, span_id, _) in (("discussion.extended", continued), ("user.joined_community", begun)):
        assert bytes.fromhex(trace_id) in spans
        assert bytes.fromhex(span_id) in spans
        assert f"dispatch {event}".encode() in spans
        assert f"deliver {event}".encode() in spans
    assert worker.child
    logged = {line["trace_id"] for line in lines(worker.child.log) if line["event"] == "attempt delivered"}
    assert logged == {continued[1], begun[1]}


def test_no_traceparent_without_traces(system: System) -> None:
    """A receiver that is not asked for gets no header."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.worker()
        system.dispatch(1)
        (request,) = receiver.wait_for(1)
    assert "traceparent" not in request.headers


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    """Each metric in docs/grafana-dashboard.json is one that gateway or workers expose."""
    import re  # noqa: PLC0415

    from supabase_webhooks.gateway.metrics import Requests  # noqa: PLC0415
    from supabase_webhooks.workers.metrics import Metrics  # noqa: PLC0415

    dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    asked = {name for text in expressions for name in re.findall(r"webhooks_\w+", text)}
    exposed = {
        sample
        for registry in (Metrics().registry, Requests().registry)
        for family in registry.collect()
        for sample in (f"{family.name}_total", f"{family.name}_bucket", f"{family.name}_count", family.name)
    }
    source = (ROOT / "gateway" / "metrics.py").read_text()
    exposed |= {f"webhooks_{name}" for name in re.findall(r'(?:gauge|by)\(\s*"(\w+)"', source)}
    exposed |= set(re.findall(r'Gauge\(\s*"(webhooks_\w+)"', source))
    assert len(asked) > 10
    assert asked - exposed == set()
