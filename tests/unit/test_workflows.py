"""The cron's script, taken from the workflow and run against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.cron import close_discussions_script, dispatcher_script
from devstack.processes import free_port
from devstack.receiver import Received, Receiver, Reply
from tests.conftest import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
TOKEN = "token-of-the-workflow"


def workflow(name: str) -> dict[Any, Any]:
    """Return a workflow."""
    return dict(yaml.safe_load((WORKFLOWS / name).read_text()))


def run(
    url: str, *, token: str = TOKEN, triggers: int = 2, script: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script, the dispatcher's by default, as Actions does, without its pauses."""
    variables = {"TRIGGERS": str(triggers), "INTERVAL_SECONDS": "0", "RETRY_SECONDS": "0"}
    return subprocess.run(
        ["bash", "-c", script or dispatcher_script()],
        env={"PATH": os.environ["PATH"], "GATEWAY_URL": url, "DISPATCH_TOKEN": token, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def shown(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a reader of the log sees: the line that masks the token is Actions' own."""
    return "\n".join(line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("::add-mask::"))


def test_it_triggers_as_often_as_asked() -> None:
    """POSTs with the token, one line per response; the token is masked first and never shown, nor in any argv."""
    seen: list[str] = []

    def respond(_: Received) -> Reply:
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(cmdline.read_text())
            except OSError:
                continue
        return Reply(202, b'{"run_id":"r","due":0,"enqueued":0}')

    with Receiver(answer=respond) as receiver:
        done = run(receiver.url + "/", triggers=3)
    assert done.returncode == 0, done.stderr
    assert [r.path for r in receiver.received] == ["/functions/v1/webhook-dispatcher"] * 3
    assert {r.headers["authorization"] for r in receiver.received} == {f"Bearer {TOKEN}"}
    assert done.stdout.startswith(f"::add-mask::{TOKEN}\n")
    assert shown(done).count('202 {"run_id":"r","due":0,"enqueued":0}') == 3
    assert TOKEN not in shown(done)
    assert seen
    assert not any(TOKEN in line for line in seen)


@pytest.mark.parametrize("status", [302, 401, 403, 500, 503])
def test_it_fails_loudly_and_goes_on(status: int) -> None:
    """A non-2xx fails the job with the response; the triggers after it still run."""
    statuses = iter([status, 202])
    with Receiver(answer=lambda _: Reply(next(statuses), b'why {"run_id":"r"}')) as receiver:
        done = run(receiver.url)
    assert len(receiver.received) == 2
    assert done.returncode == 1
    assert f"::error::the gateway returned {status}" in done.stdout
    assert f"{status} why" in done.stdout
    assert "::error::1 of 2 triggers failed" in done.stdout


@pytest.mark.parametrize("page", [b"", b"<html>Welcome to nginx!</html>", b'{"status":"ok"}'])
def test_another_sites_success_is_none(page: bytes) -> None:
    """A 2xx page that is not from the gateway fails the job."""
    with Receiver(answer=lambda _: Reply(200, page)) as receiver:
        done = run(receiver.url, triggers=1)
        closing = run(receiver.url, script=close_discussions_script())
    assert (done.returncode, closing.returncode) == (1, 1)
    assert "it lacks run_id; is WEBHOOKS_GATEWAY_URL correct?" in done.stdout
    assert "it lacks closed; is WEBHOOKS_GATEWAY_URL correct?" in closing.stdout


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\r"])
def test_line_ends_of_variables_are_stripped(end: str) -> None:
    """Of the token and of the URL, as they come from a file or a clipboard."""
    with Receiver(answer=lambda _: Reply(202, b'{"run_id":"r"}')) as receiver:
        done = run(receiver.url + end, token=TOKEN + end, triggers=1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [r.headers["authorization"] for r in receiver.received] == [f"Bearer {TOKEN}"]
    assert TOKEN not in shown(done)


def test_it_retries_network_errors() -> None:
    """Three tries, then a loud failure that says what to look at."""
    done = run(f"http://127.0.0.1:{free_port()}", triggers=1)
    assert done.returncode == 1
    assert "attempt 3 of 3" in done.stdout
    assert "is WEBHOOKS_GATEWAY_URL correct" in done.stdout
    assert TOKEN not in shown(done)


def test_it_names_what_is_not_set() -> None:
    """The setting, and where to add it."""
    assert "::error::WEBHOOKS_GATEWAY_URL is not set: add it under Settings" in run("").stdout
    done = run("http://x", token="")
    assert done.returncode == 1
    assert "::error::WEBHOOKS_DISPATCH_TOKEN is not set" in done.stdout


def test_discussions_are_closed_once_an_hour() -> None:
    """One POST a run; it fails if the gateway rejects it, is down or is not set, and the token is never shown."""
    script = close_discussions_script()
    (schedule,) = workflow("close-discussions.yml")[True]["schedule"]  # YAML 1.1 reads the key "on" as true
    minute, *rest = schedule["cron"].split()
    assert (minute.isdigit(), rest) == (True, ["*"] * 4)
    statuses = iter([200, 404])
    with Receiver(answer=lambda _: Reply(next(statuses), b'{"closed":3,"remaining":0}')) as receiver:
        good, bad = (run(receiver.url + "/", script=script) for _ in range(2))
    assert [r.path for r in receiver.received] == ["/functions/v1/close-expired-discussions"] * 2
    assert {r.headers["authorization"] for r in receiver.received} == {f"Bearer {TOKEN}"}
    assert (good.returncode, '200 {"closed":3,"remaining":0}' in good.stdout) == (0, True)
    assert (bad.returncode, "::error::the gateway returned 404" in bad.stdout) == (1, True)
    away = run(f"http://127.0.0.1:{free_port()}", script=script)
    assert (away.returncode, "is WEBHOOKS_GATEWAY_URL correct" in away.stdout) == (1, True)
    assert "::error::WEBHOOKS_GATEWAY_URL is not set" in run("", script=script).stdout
    assert "::error::WEBHOOKS_DISPATCH_TOKEN is not set" in run("http://x", token="", script=script).stdout
    assert not any(TOKEN in shown(done) for done in (good, bad, away))


def test_ci_calls_the_same_script_as_people() -> None:
    """And nothing else; the workflows ask for no permission that they do not need."""
    job = workflow("ci.yml")["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[-2:] == ["make check", "make test"]
    for name in ("ci.yml", "webhook-dispatcher.yml", "close-discussions.yml", "nightly.yml"):
        assert workflow(name)["permissions"] == {}


def test_every_python_that_is_promised_is_tested() -> None:
    """The classifiers of the wheel, the lowest that it takes, and CI's are the same; the image has one of them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = "Programming Language :: Python :: "
    promised = [one.removeprefix(python) for one in project["classifiers"] if one.startswith(python)]
    job = workflow("ci.yml")["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == promised
    # or uv takes whichever it finds
    assert job["env"] == {"UV_PYTHON": "${{ matrix.python }}"}
    assert project["requires-python"] == f">={promised[0]}"
    images = re.findall(r"^FROM python:(\S+)-slim", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(images) <= set(promised)
    assert len(set(images)) == 1


def test_the_nightly_run_is_the_one_of_people() -> None:
    """`make nightly` runs all of tests/nightly, which other runs skip."""
    steps = [step["run"] for step in workflow("nightly.yml")["jobs"]["nightly"]["steps"] if "run" in step]
    assert steps[-1].endswith("make nightly")
    recipe = (ROOT / "Makefile").read_text().partition("\nnightly:")[2].splitlines()[1]
    assert recipe == "\t@NIGHTLY=1 $(RUN) pytest tests/nightly $(ARGS)"
    for file in (ROOT / "tests" / "nightly").glob("test_*.py"):
        assert 'not os.environ.get("NIGHTLY")' in file.read_text()
