"""The gateway under whatever its own OpenAPI description lets one ask, and more: never a 5xx, never a secret."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from supabase_webhooks.webhooks.signing import generate_secret
from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import System


@pytest.mark.parametrize("caller", ["service", "nobody"])
def test_schemathesis_finds_no_5xx(system: System, tmp_path: Path, caller: str) -> None:
    """Examples, boundaries and random data for every operation; no response and no log repeats a secret."""
    session = generate_secret()
    # the dispatcher may be asked to deliver: an attempt must not outlast the requests' timeout
    gateway = system.gateway(WEBHOOKS_SESSION_SECRET=session, WEBHOOKS_TIMEOUT_SECONDS="1")
    system.endpoint("https://example.com/")
    system.dispatch(3)
    key = system.supabase.keys.secret if caller == "service" else "nobody"
    log = tmp_path / "fuzz.log"
    with log.open("w") as output:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"{gateway.url}/schema/openapi.json",
                "--checks", "not_a_server_error", "--header", f"Authorization: Bearer {key}",
                "--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1",
                "--request-timeout", "60",
                "--continue-on-failure", "--warnings", "off", "--report-dir", str(tmp_path), "--report", "ndjson",
            ],
            cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    assert done.returncode == 0, log.read_text()[-6000:]
    seen = "".join(file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file())
    assert "/api/v1/endpoints" in seen, "it has been there"
    sent = f"Bearer {key}"
    said = seen.replace(sent, "")
    for secret in (system.supabase.keys.secret, system.supabase.keys.jwt_secret, session, TOKEN):
        assert secret not in said


def test_a_body_beyond_the_limit(system: System) -> None:
    """Rejected before it is read whole."""
    gateway = system.gateway()
    headers = {"Authorization": f"Bearer {system.supabase.keys.secret}"}
    response = httpx.post(
        f"{gateway.url}/functions/v1/test-webhook", headers=headers, content=b"x" * 20_000_000, trust_env=False
    )
    assert response.status_code == 413
