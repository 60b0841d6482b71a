"""One suite for both brokers, on real servers: what gateway and workers may rely on."""

from __future__ import annotations

import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dramatiq
import pytest

from devstack.processes import free_port
from supabase_webhooks.webhooks.errors import QueueUnavailable, SettingsError
from supabase_webhooks.webhooks.queue import (
    DRAIN,
    QUEUE,
    Broker,
    announce,
    announce_later,
    create_broker,
    ping,
    take_turn,
)
from supabase_webhooks.webhooks.queue.rabbitmq import TURN_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devstack.rabbitmq import RabbitMQ

TURN = "webhooks:sweep"


@pytest.fixture(params=["redis", "rabbitmq"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty broker's address."""
    server = request.getfixturevalue({"redis": "valkey_server", "rabbitmq": "rabbitmq_server"}[request.param])
    with connected(server.url) as broker:
        ping(broker)
        broker.flush(QUEUE)
    return str(server.url)


@contextmanager
def connected(url: str) -> Iterator[Broker]:
    """Lend a broker, as one process has it."""
    broker = create_broker(url)
    try:
        yield broker
    finally:
        broker.close()


@pytest.fixture
def broker(url: str) -> Iterator[Broker]:
    with connected(url) as broker:
        yield broker


@pytest.fixture
def other(url: str) -> Iterator[Broker]:
    """Another process's."""
    with connected(url) as broker:
        yield broker


@contextmanager
def worker(broker: Broker) -> Iterator[list[float]]:
    """Work on the broker's queue; lend the times at which a drain began."""
    began: list[float] = []
    dramatiq.actor(actor_name=DRAIN, queue_name=QUEUE, broker=broker)(lambda: began.append(time.monotonic()))
    running = dramatiq.Worker(broker, worker_timeout=50, worker_threads=1)
    running.start()
    try:
        yield began
    finally:
        running.stop()


def soon(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_jobs_are_announced_by_the_number_of_due_rows(broker: Broker) -> None:
    """One for each 500, rounded up; none for none."""
    assert announce(broker, due=0, max_jobs=16) == 0
    assert announce(broker, due=1, max_jobs=16) == 1
    assert announce(broker, due=1001, max_jobs=16) == 2, "one waits already"


def test_jobs_that_wait_are_counted_whoever_announced_them(broker: Broker, other: Broker) -> None:
    """`max_jobs` is the limit of all."""
    assert announce(broker, due=100_000, max_jobs=4) == 4
    assert announce(other, due=100_000, max_jobs=4) == 0
    assert announce(other, due=100_000, max_jobs=5) == 1


def test_each_job_is_run_once(broker: Broker, other: Broker) -> None:
    """And what ran waits no more."""
    announce(broker, due=1500, max_jobs=16)
    with worker(other) as began:
        soon(lambda: len(began) == 3)
        time.sleep(0.3)
        assert len(began) == 3
    assert announce(broker, due=1500, max_jobs=16) == 3


def test_a_job_for_later_starts_then(broker: Broker, other: Broker) -> None:
    """Not before, and it does not count as one that waits."""
    asked = time.monotonic()
    announce_later(broker, seconds=4)
    assert announce(broker, due=1, max_jobs=1) == 1
    with worker(other) as began:
        soon(lambda: len(began) == 2)
    assert began[0] - asked < 4 <= began[1] - asked


def test_a_turn_is_one_workers_until_its_time_is_over(broker: Broker, other: Broker) -> None:
    """And turns of other names are free."""
    turn = f"{TURN}:{time.monotonic_ns()}"
    assert take_turn(broker, turn, owner="a", milliseconds=600)
    taken = time.monotonic()
    assert not take_turn(other, turn, owner="b", milliseconds=600)
    assert not take_turn(broker, turn, owner="a", milliseconds=600), "not renewed either"
    assert take_turn(other, f"{turn}:other", owner="b", milliseconds=600)
    soon(lambda: take_turn(other, turn, owner="b", milliseconds=600))
    assert time.monotonic() - taken > 0.5


def test_of_many_that_ask_at_once_one_has_the_turn(url: str) -> None:
    """Ten processes, five turns."""
    brokers = [create_broker(url) for _ in range(10)]
    for n in range(5):
        turn = f"{TURN}:{time.monotonic_ns()}:{n}"
        start = threading.Barrier(len(brokers))
        had: list[bool] = []

        def ask(broker: Broker, turn: str = turn, start: threading.Barrier = start, had: list[bool] = had) -> None:
            start.wait()
            had.append(take_turn(broker, turn, owner="x", milliseconds=5000))

        threads = [threading.Thread(target=ask, args=(broker,)) for broker in brokers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(had) == [False] * 9 + [True]
    for broker in brokers:
        broker.close()


def test_threads_may_share_a_broker(broker: Broker) -> None:
    """As a gateway's requests do."""
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            announce(broker, due=1, max_jobs=16)
            ping(broker)
        except QueueUnavailable as exc:
            errors.append(exc)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert announce(broker, due=500, max_jobs=1) == 0


ASKED: list[Callable[[Broker], object]] = [
    ping,
    lambda broker: announce(broker, due=1, max_jobs=1),
    lambda broker: announce_later(broker, seconds=1),
    lambda broker: take_turn(broker, TURN, owner="a", milliseconds=1),
]


@pytest.mark.parametrize("ask", ASKED, ids=["ping", "announce", "later", "turn"])
@pytest.mark.parametrize(
    ("url", "service"), [("redis://:geheim@{}/0", "Redis"), ("amqp://user:geheim@{}/vhost", "RabbitMQ")]
)
def test_one_that_is_away_is_named_without_its_password(
    url: str, service: str, ask: Callable[[Broker], object]
) -> None:
    """The error has the kind of failure, too."""
    with connected(url.format(f"127.0.0.1:{free_port()}")) as broker, pytest.raises(QueueUnavailable) as raised:
        ask(broker)
    assert str(raised.value).startswith(f"{service} did not ")
    assert raised.value.service == service.lower()
    assert "geheim" not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_one_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ that hangs, or a firewall before it: the gateway still responds."""
    monkeypatch.setattr("supabase_webhooks.webhooks.queue.rabbitmq.CONNECT_MORE", 0.5)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        connected(f"amqp://a:b@127.0.0.1:{silent.getsockname()[1]}") as broker,
        pytest.raises(QueueUnavailable),
    ):
        ping(broker)


def test_a_wrong_password_is_told(rabbitmq_server: RabbitMQ) -> None:
    """By its kind."""
    with connected(rabbitmq_server.url.replace(":guest@", ":geheim@")) as broker:
        with pytest.raises(QueueUnavailable, match=r"RabbitMQ did not respond \(ProbableAuth") as raised:
            ping(broker)
        assert "geheim" not in repr(raised.value.__cause__)


def test_queues_that_were_deleted_are_made_again(rabbitmq_server: RabbitMQ) -> None:
    """Under a process that had declared them, and takes turns there."""
    with connected(rabbitmq_server.url) as broker, connected(rabbitmq_server.url) as admin:
        turn = f"{TURN}:{time.monotonic_ns()}"
        take_turn(broker, turn, owner="a", milliseconds=60_000)
        announce(broker, due=1, max_jobs=1)
        for queue in (QUEUE, f"{QUEUE}.DQ", f"{QUEUE}.XQ", f"{turn}{TURN_SUFFIX}"):
            admin.channel.queue_delete(queue)  # type: ignore[attr-defined]  # RabbitMQ's
        announce_later(broker, seconds=60)
        assert announce(broker, due=1, max_jobs=1) == 1
        assert take_turn(broker, turn, owner="a", milliseconds=60_000)
        assert admin.get_queue_message_counts(QUEUE) == (1, 1, 0)  # type: ignore[attr-defined]


def test_a_connection_that_ended_is_replaced(rabbitmq_server: RabbitMQ) -> None:
    """A worker's, kept between its turns; RabbitMQ closes one whose heartbeats fail."""
    with connected(rabbitmq_server.url) as broker:
        assert take_turn(broker, f"{TURN}:{time.monotonic_ns()}", owner="a", milliseconds=1000)
        (kept,) = broker.connections  # type: ignore[attr-defined]
        kept.close()
        assert take_turn(broker, f"{TURN}:{time.monotonic_ns()}", owner="a", milliseconds=1000)


def test_a_gateways_connection_is_closed_after_its_use(rabbitmq_server: RabbitMQ) -> None:
    """Nothing would send its heartbeats."""
    with connected(rabbitmq_server.url) as broker:
        announce(broker, due=1, max_jobs=1)
        assert not broker.connections  # type: ignore[attr-defined]


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the protocols' extras."""
    for module in ("supabase_webhooks.webhooks.queue.rabbitmq", "dramatiq.brokers.rabbitmq"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "pika", None)
    with pytest.raises(SettingsError, match=r"needs pika, .* pip install 'supabase-webhooks\[rabbitmq\]'"):
        create_broker("amqps://user:geheim@host/vhost")


def test_options_that_pika_does_not_know_are_an_error_without_the_url() -> None:
    """It holds the password."""
    with pytest.raises(SettingsError, match="RabbitMQ's URL must be like") as raised:
        create_broker("amqp://user:geheim@host/vhost?heartbeat=geheim")
    assert "geheim" not in str(raised.value)
