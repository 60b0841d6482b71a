"""`webhooks init`: from an empty project to a delivered event, step by step, in any order of what is missing."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from devstack.admins import Account, sign_in
from devstack.processes import free_port
from devstack.receiver import Receiver, Reply
from devstack.supabase_lite import SupabaseLite
from supabase_webhooks.webhooks.environment import read
from tests.cli.conftest import Done, environment, run
from tests.cli.typing_terminal import Terminal
from tests.conftest import quiet
from tests.pg_net import install as install_pg_net

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADA = "ada@example.com"

#: For a receiver on this machine.
LOCAL = "WEBHOOKS_ALLOW_HTTP=true\nWEBHOOKS_ALLOWED_NETWORKS=127.0.0.0/8\n"

GENERATED = {"WEBHOOKS_DISPATCH_TOKEN", "WEBHOOKS_SESSION_SECRET", "WEBHOOKS_ENCRYPTION_KEYS"}


class Newcomer:
    """Someone in an empty folder, with a project of their own that has nothing of ours."""

    def __init__(self, supabase: SupabaseLite, dsn: str, folder: Path) -> None:
        self.supabase, self.dsn, self.folder = supabase, dsn, folder

    def project(self, **more: str) -> dict[str, str]:
        """Return what they know of their project."""
        return {
            "SUPABASE_URL": self.supabase.url,
            "SUPABASE_SERVICE_ROLE_KEY": self.supabase.keys.secret,
            "SUPABASE_ANON_KEY": self.supabase.keys.publishable,
            "DATABASE_URL": self.dsn,
            **more,
        }

    def run(self, *arguments: str, given: str = "", **variables: str) -> Done:
        """Run a command, in the folder, with its `.env`."""
        file = {} if (self.folder / ".env").is_file() or arguments[0] in {"init", "env"} else {"WEBHOOKS_ENV_FILE": ""}
        return run(*arguments, variables={"WEBHOOKS_ENV_FILE": ".env", **file, **variables}, given=given)

    def steps(self, *arguments: str, **variables: str) -> dict[str, dict[str, Any]]:
        """Run `webhooks init --yes`; return its steps by name."""
        done = self.run("init", "--yes", "--json", *arguments, **variables)
        assert done.out, done.err
        return {one["step"]: one for one in done.json}

    @property
    def env(self) -> dict[str, str]:
        """What `.env` has."""
        return read(self.folder / ".env")


@pytest.fixture
def newcomer(project: str, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newcomer]:
    """They are in the folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    supabase = SupabaseLite(directory, project, name="newcomer", say=quiet)
    supabase.start()
    # Lite grants everything to everyone at the first request for a table, before ours exist
    assert supabase._get("app?limit=0").is_success
    try:
        yield Newcomer(supabase, project, folder)
    finally:
        supabase.stop()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, without a project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def statuses(steps: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return each step's status."""
    return {name: one["status"] for name, one in steps.items()}


def test_from_nothing_to_a_delivery(newcomer: Newcomer) -> None:
    """One command; run again, it keeps everything; no secret but those that are shown once."""
    (newcomer.folder / ".env").write_text(LOCAL)
    (newcomer.folder / ".env").chmod(0o644)
    with Receiver() as receiver:
        command = ["--app", "Shop", "--admin", ADA, "--endpoint", f"{receiver.url}/hooks"]
        first = newcomer.steps(*command, **newcomer.project())
        assert statuses(first) == {
            "settings": "done", "key": "done", "migrations": "done", "admin": "done", "cron": "skipped",
            "endpoint": "done", "event": "done",
        }  # fmt: skip
        (request,) = receiver.received
        assert request.payload["event"] == "webhook.test"
        assert request.verified(first["endpoint"]["shown_once"])
        assert request.headers["user-agent"] == "Shop Webhook/1.0"
        assert "webhook.test arrived at 127.0.0.1, which returned 200" in first["event"]["text"]
        assert sign_in(newcomer.supabase, Account(ADA, first["admin"]["shown_once"]))

        # what was in the environment is not copied into a file
        assert newcomer.env.keys() == GENERATED | {
            "WEBHOOKS_USER_AGENT", "WEBHOOKS_ALLOW_HTTP", "WEBHOOKS_ALLOWED_NETWORKS",
        }  # fmt: skip
        assert stat.S_IMODE((newcomer.folder / ".env").stat().st_mode) == 0o600
        before = (newcomer.folder / ".env").read_bytes()
        again = newcomer.steps(*command, **newcomer.project())
        assert statuses(again) == dict.fromkeys(first, "kept") | {"cron": "skipped"}
        assert (newcomer.folder / ".env").read_bytes() == before
        assert len(receiver.received) == 1

        # for people: the same, and what losing the key means
        done = newcomer.run("init", "--yes", **newcomer.project())
        assert done.code == 0
        assert "Store a copy elsewhere" in done.out
        assert "without it no delivery can be signed" in done.out
        for shown in (json.dumps(again), json.dumps(first), done.out, done.err):
            for name in GENERATED:
                assert newcomer.env[name] not in shown
            assert newcomer.supabase.keys.secret not in shown
            assert newcomer.supabase.keys.publishable not in shown
    # the secret is encrypted at rest by the process that delivered, with the key that was generated
    finding = {one["check"]: one for one in newcomer.run("doctor", "--json", **newcomer.project()).json}
    assert {name for name, one in finding.items() if one["status"] != "ok"} == {"cron"}
    assert finding["cron"]["text"].startswith("not set up yet")


def test_with_a_folder_of_the_supabase_cli(newcomer: Newcomer) -> None:
    """The migrations are copied and not applied; with `--platform` the platform's events too, and only then."""
    migrations = newcomer.folder / "supabase" / "migrations"
    migrations.parent.mkdir()
    done = newcomer.run("init", "--yes", **newcomer.project())
    assert done.code == 1
    assert "copied to supabase/migrations; the database lacks them" in done.out
    assert "-> supabase db push, then webhooks init again" in done.out
    assert "admin" not in done.out
    assert len([*migrations.glob("*.sql")]) == 1
    newcomer.steps("--platform", **newcomer.project())
    assert len([*migrations.glob("*_webhooks_platform.sql")]) == 1
    newcomer.steps("--platform", **newcomer.project())
    assert len([*migrations.glob("*.sql")]) == 2

    assert newcomer.run("migrate", "apply", **newcomer.project()).code == 0
    steps = newcomer.steps(**newcomer.project())
    assert statuses(steps) == {
        "settings": "kept", "key": "kept", "migrations": "kept", "admin": "skipped", "cron": "skipped",
        "endpoint": "skipped", "event": "done",
    }  # fmt: skip
    for name, command in {
        "admin": "webhooks admins add EMAIL", "cron": "webhooks cron database", "endpoint": "webhooks endpoints create",
        "event": "webhooks listen --forward",
    }.items():  # fmt: skip
        assert steps[name]["next"].startswith(command)


def test_without_a_receiver_the_event_arrives_here(newcomer: Newcomer) -> None:
    """At a listener, verified and shown; nothing of it is left, and the steps that were left are still to be done."""
    done = newcomer.run("init", "--yes", **newcomer.project())
    assert done.code == 0, done.err
    assert re.search(r"webhook\.test .*verified +returned 200", done.out)
    assert '"message": "This is a test delivery."' in done.out
    assert "webhook.test arrived here, signed and verified" in done.out
    with psycopg.connect(newcomer.dsn) as db:
        for table in ("public.webhook_configurations", "public.webhook_deliveries", "webhooks.listeners"):
            assert db.execute(f"select from {table}".encode()).rowcount == 0, table
    # for scripts it is a step like the others; once there is an endpoint, the event is sent to it instead
    steps = newcomer.steps(**newcomer.project())
    assert (steps["endpoint"]["status"], steps["event"]["status"]) == ("skipped", "done")
    with (newcomer.folder / ".env").open("a") as file:
        file.write(LOCAL)
    with Receiver() as receiver:
        steps = newcomer.steps("--endpoint", receiver.url, **newcomer.project())
        assert [request.payload["event"] for request in receiver.received] == ["webhook.test"]
    assert "arrived at 127.0.0.1" in steps["event"]["text"]


def test_no_receiver(newcomer: Newcomer) -> None:
    """The event is not taken for delivered; the command says what the receiver returned, and how to look."""
    (newcomer.folder / ".env").write_text(LOCAL)
    with Receiver(answer=lambda _: Reply(status=500)) as receiver:
        steps = newcomer.steps("--endpoint", receiver.url, **newcomer.project())
    assert statuses(steps)["endpoint"] == "done"
    assert (steps["event"]["status"], steps["event"]["next"].split()[:3]) == (
        "missing", ["webhooks", "deliveries", "show"],
    )  # fmt: skip
    assert "was not accepted by 127.0.0.1" in steps["event"]["text"]
    rejected = newcomer.steps("--endpoint", "ftp://example.com/x", **newcomer.project())["endpoint"]
    assert rejected["status"] == "missing"
    assert "ftp" in rejected["text"]


def test_a_key_of_others_is_not_replaced(newcomer: Newcomer) -> None:
    """A second machine generates none while the database has secrets: those of either would not open for the other."""
    (newcomer.folder / ".env").write_text(LOCAL)
    with Receiver() as receiver:
        assert newcomer.run("init", "--yes", "--endpoint", receiver.url, **newcomer.project()).code == 0
    newcomer.run("secrets", "seal", **newcomer.project())
    (newcomer.folder / ".env").unlink()
    steps = newcomer.steps(**newcomer.project())
    assert steps["key"]["status"] == "missing"
    assert steps["key"]["text"] == "the database's secrets are encrypted with a key that is not here"
    assert "WEBHOOKS_ENCRYPTION_KEYS" not in newcomer.env
    with psycopg.connect(newcomer.dsn) as db:
        db.execute("update webhooks.endpoint_secrets set secret_key = 'a plain secret of some length'")
    assert newcomer.steps(**newcomer.project())["key"]["status"] == "skipped"
    assert "WEBHOOKS_ENCRYPTION_KEYS" not in newcomer.env


def test_the_cron(newcomer: Newcomer) -> None:
    """By the database: what is missing is named; the token is put into Vault once, and another one there stays."""
    (newcomer.folder / ".env").write_text("")
    gateway = "https://gateway.example.com/"
    given = newcomer.project()
    assert newcomer.run("init", "--yes", **given).code == 0
    by = ["--cron", "database", "--gateway", gateway]
    assert "pg_cron needs the gateway's address" in newcomer.steps("--cron", "database", **given)["cron"]["text"]
    assert newcomer.steps(*by, **given)["cron"]["text"].startswith("Vault is not enabled: enable supabase_vault")
    with psycopg.connect(newcomer.dsn, autocommit=True, row_factory=psycopg.rows.dict_row) as db:
        install_pg_net(db, None)
        assert newcomer.steps(*by, **given)["cron"]["text"] == (
            "pg_cron is not enabled: enable it under Database > Extensions"
        )
        db.execute(CRON)
        for result in ("the token was put", "Vault has the token"):
            db.execute("delete from vault.secrets") if result.startswith("the token") else None
            done = newcomer.run("cron", "database", gateway, **given)
            assert done.code == 0, done.err
            assert "pg_cron calls https://gateway.example.com once a minute" in done.out
            assert result in done.out
            assert newcomer.env["WEBHOOKS_DISPATCH_TOKEN"] not in done.out + done.err
        (job,) = db.execute("select * from cron.job").fetchall()
        assert job["schedule"] == "* * * * *"
        db.execute(job["command"].encode())
        (sent,) = db.execute("select url, headers from net.http_request_queue").fetchall()
        assert sent["url"] == "https://gateway.example.com/functions/v1/webhook-dispatcher"
        assert sent["headers"]["Authorization"] == f"Bearer {newcomer.env['WEBHOOKS_DISPATCH_TOKEN']}"
        db.execute("update vault.secrets set secret = 'geheim'")
        done = newcomer.run("cron", "database", gateway, **given)
        assert done.code == 1
        assert "webhooks_dispatch_token is another token" in done.err
        assert "geheim" not in done.err
        for hostile in ("http://x.example", "https://x.example/?a", "https://u@x.example", "https://x'; drop", "x"):
            db.execute("update vault.secrets set secret = %s", (newcomer.env["WEBHOOKS_DISPATCH_TOKEN"],))
            done = newcomer.run("cron", "database", hostile, **given)
            assert (done.code, "gateway_url must be the gateway's address" in done.err) == (1, True)
        db.execute("select public.start_webhook_dispatcher_run('pg_cron')")
    assert newcomer.steps(**given)["cron"]["status"] == "kept"


#: pg_cron's interface, as far as scheduling goes: a name is scheduled once.
CRON = """
    create schema cron;
    create table cron.job (jobid bigserial, schedule text, command text, jobname text unique);
    create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as
        'insert into cron.job (jobname, schedule, command) values ($1, $2, $3)
         on conflict (jobname) do update set schedule = excluded.schedule, command = excluded.command returning jobid';
"""


def test_the_workflow(folder: Path) -> None:
    """It is copied as it is in this repository; one that was changed is kept."""
    done = run("cron", "github")
    assert done.code == 0
    assert "gh secret set WEBHOOKS_DISPATCH_TOKEN" in done.out
    file = folder / ".github" / "workflows" / "webhook-dispatcher.yml"
    assert "WEBHOOKS_GATEWAY_URL" in file.read_text()
    assert "was kept" in run("cron", "github").out
    file.write_text("# mine\n")
    assert "differs from this version; it was kept" in run("cron", "github").out
    assert file.read_text() == "# mine\n"


def test_what_is_missing_is_named(folder: Path) -> None:
    """All at once, with where it was looked for; nothing is written, and later steps are not begun."""
    done = run("init", "--yes", "--json", variables={"WEBHOOKS_ENV_FILE": ".env"})
    assert (done.code, [one["step"] for one in done.json]) == (1, ["settings"])
    assert done.json[0]["text"].startswith("SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY: not in")
    assert not (folder / ".env").exists()


def test_where_the_project_is_found(folder: Path) -> None:
    """In a linked folder, and under a framework's names; a hostile link is not followed."""
    link = folder / "supabase" / ".temp" / "project-ref"
    link.parent.mkdir(parents=True)
    (folder / ".env").write_text("NEXT_PUBLIC_SUPABASE_ANON_KEY=sb_publishable_x\nSUPABASE_SECRET_KEY=sb_secret_x\n")
    for hostile in ("evil.example/abcdefghijklmnop", "abcdefghijklmnopqrst@evil.example", "../../etc", "\0" * 20, ""):
        link.write_text(hostile)
        done = run("env", "--yes", "--json", variables={"WEBHOOKS_ENV_FILE": ".env"})
        assert done.json[0]["text"].startswith("SUPABASE_URL: not in"), hostile
    link.write_text("abcdefghijklmnopqrst\n")
    # Supabase does not respond from here: nothing may be sent to a host that does not exist
    proxy = f"http://127.0.0.1:{free_port()}"
    done = run("env", "--yes", "--json", variables={"WEBHOOKS_ENV_FILE": ".env", "HTTPS_PROXY": proxy})
    assert [one["status"] for one in done.json] == ["done", "missing"]
    assert "no key was generated" in done.json[1]["text"]
    found = read(folder / ".env")
    assert found["SUPABASE_URL"] == "https://abcdefghijklmnopqrst.supabase.co"
    assert (found["SUPABASE_ANON_KEY"], found["SUPABASE_SERVICE_ROLE_KEY"]) == ("sb_publishable_x", "sb_secret_x")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SUPABASE_SECRET_KEY": "sb_publishable_geheim"}, "that is not a secret key"),
        ({"NEXT_PUBLIC_SUPABASE_ANON_KEY": "sb_secret_geheim"}, "that is a secret key"),
        ({"NEXT_PUBLIC_SUPABASE_URL": "javascript:geheim"}, "the project's URL is like https://<ref>.supabase.co"),
        ({"SUPABASE_ANON_KEY": "sb_secret_geheim"}, "must be the project's publishable key"),
        ({"WEBHOOKS_SESSION_SECRET": "geheim"}, "must have at least 32 characters"),
    ],
)
def test_wrong_values(folder: Path, variables: dict[str, str], message: str) -> None:
    """They are named without being repeated, and nothing is written."""
    complete = {"NEXT_PUBLIC_SUPABASE_URL": "https://x.supabase.co", "SUPABASE_SECRET_KEY": "sb_secret_x"}
    done = run("env", "--yes", variables={"WEBHOOKS_ENV_FILE": ".env", **complete, **variables})
    assert done.code == 2
    assert message in done.err
    assert "geheim" not in done.err
    assert not (folder / ".env").exists()


@pytest.mark.parametrize("name", ["Łódź", "a\nb", "x" * 81, " "])
def test_an_app_name_that_no_header_carries(folder: Path, name: str) -> None:
    """It is rejected before anything is written."""
    variables = {"WEBHOOKS_ENV_FILE": ".env", "SUPABASE_URL": "https://x.supabase.co"}
    done = run("env", "--yes", "--app", name, variables={**variables, "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x"})
    assert (done.code, "--app: a name is up to 80 characters" in done.err) == (2, True)
    assert not (folder / ".env").exists()


def test_a_file_that_git_tracks(folder: Path) -> None:
    """No secret is written into it."""
    for command in (["init", "--quiet"], ["add", ".env"]):
        (folder / ".env").touch()
        subprocess.run(["git", *command], check=True)
    done = run("env", "--yes", variables={"WEBHOOKS_ENV_FILE": ".env"})
    assert done.code == 1
    assert "git tracks .env, so nothing was written" in done.out
    assert "-> git rm --cached .env" in done.out
    assert (folder / ".env").read_text() == ""


def test_each_command_names_its_project(newcomer: Newcomer) -> None:
    """One line on stderr with the host; nothing with `--json`; never a key or a password."""
    (newcomer.folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in newcomer.project().items()))
    assert newcomer.run("init", "--yes").code == 0
    for command in (["stats"], ["endpoints", "list"], ["events", "list"], ["doctor"], ["admins", "list"]):
        done = newcomer.run(*command)
        assert done.err.startswith("Project 127.0.0.1\n"), command
        assert done.err.count("Project ") == 1
        assert newcomer.run(*command, "--json").err == ""
    done = newcomer.run("migrate", "status")
    assert done.err.startswith("Project database ")
    secret = psycopg.conninfo.conninfo_to_dict(newcomer.dsn).get("password")
    assert not secret or str(secret) not in done.err


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://postgres:ge/heim@db.example.com/postgres", "postgresql://postgres:ge@heim@db.example.com/postgres",
        "host=127.0.0.1 port=1 password=heim", "postgresql://[heim",
    ],
)  # fmt: skip
def test_a_database_is_not_named_by_its_password(dsn: str) -> None:
    """A connection string that can be read in two ways is not shown."""
    assert "Project" not in run("migrate", "status", variables={"DATABASE_URL": dsn}).err
    url = f"postgresql://me:ge#heim@127.0.0.1:{free_port()}/postgres"
    assert run("migrate", "status", variables={"DATABASE_URL": url}).err.startswith("Project database me@127.0.0.1\n")


INIT = [sys.executable, "-m", "supabase_webhooks.webhooks.cli", "init"]


def test_in_a_terminal(newcomer: Newcomer) -> None:
    """It asks for what it cannot find; a wrong value is asked for again; keys are not shown; Enter means later."""
    variables = environment({"WEBHOOKS_ENV_FILE": ".env"})
    known = newcomer.project()
    with Terminal(INIT, folder=newcomer.folder, variables=variables) as terminal:
        for question, replies in {
            "The project's URL": ["shop", known["SUPABASE_URL"]],
            "Its secret key": [known["SUPABASE_ANON_KEY"], known["SUPABASE_SERVICE_ROLE_KEY"]],
            "Its publishable key": [known["SUPABASE_ANON_KEY"]],
            "Its connection string": ["host=db", known["DATABASE_URL"]],
            "Your app's name": [""],
            "Your email address": [""],
            "The cron": [""],
            "A receiver's URL": [""],
        }.items():
            for reply in replies:
                terminal.until(question)
                terminal.type(reply, hidden=question.startswith("Its"))
        assert terminal.end() == 0, terminal.shown
    for secret in (known["SUPABASE_SERVICE_ROLE_KEY"], known["SUPABASE_ANON_KEY"]):
        assert secret not in terminal.shown
    assert "that is not a secret key" in terminal.shown
    assert newcomer.env["WEBHOOKS_USER_AGENT"] == "My Third Place Webhook/1.0"
    assert newcomer.env.items() >= known.items()

    # again: only what is left is asked for
    with Terminal(INIT, folder=newcomer.folder, variables=variables) as terminal:
        terminal.until("Your email address")
        assert "The project's URL" not in terminal.shown
        assert terminal.leave() == 2
    assert "stopped: what was done is kept" in terminal.shown
