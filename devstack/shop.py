"""The example of examples/customers: its tables, two customers, and its pages, built for a stack and served."""

from __future__ import annotations

import functools
import hashlib
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import psycopg

from devstack.admins import Account, make_account, sign_in
from devstack.node import TARGET as NODE
from devstack.portal import SOURCE as PORTAL
from devstack.portal import build, npm, run

if TYPE_CHECKING:
    from devstack.supabase_lite import SupabaseLite

SOURCE = Path(__file__).parent.parent / "examples" / "customers"

#: Where it is built: next to a copy of the portal, as in the repository, so that its package.json is right for both.
TARGET = NODE.parent / "shop"


class Customer(NamedTuple):
    """An organization and its owner."""

    organization: str
    name: str
    owner: Account


CUSTOMERS = (
    Customer("acme", "Acme", Account("ada@acme.example.com", "demo-ada")),
    Customer("globex", "Globex", Account("grace@globex.example.com", "demo-grace")),
)

#: The receivers of a demo are on this machine, which a customer's deliveries do not reach otherwise.
LOOPBACK = (
    "update public.webhook_tenant_limits set schemes = '{https,http}', private_networks = true where tenant_id = ''"
)


def make_customers(supabase: SupabaseLite, dsn: str) -> None:
    """Make the shop's tables, its organizations and their owners' accounts, unless they are there."""
    # each statement alone: an open transaction would keep new users out of the table that memberships refer to
    with psycopg.connect(dsn, autocommit=True) as db:
        if db.execute("select to_regclass('public.organizations')").fetchone() == (None,):
            db.execute((SOURCE / "schema.sql").read_bytes())
        db.execute(LOOPBACK)
        # a former run's receivers have stopped
        db.execute("delete from public.webhook_configurations where tenant_id is not null")
        for organization, name, owner in CUSTOMERS:
            make_account(supabase, owner)
            user = sign_in(supabase, owner)["user"]["id"]
            db.execute("insert into public.organizations values (%s, %s) on conflict do nothing", (organization, name))
            db.execute(
                "insert into public.memberships values (%s, %s, 'owner') on conflict do nothing", (user, organization)
            )


def build_pages(supabase: SupabaseLite, out: Path) -> None:
    """Build the React page and the plain one for a project, into a folder. Raises StackError with a tool's report."""
    dist = build()
    app = TARGET / "examples" / "customers"
    portal = TARGET / "packages" / "portal"
    shutil.copytree(SOURCE, app, dirs_exist_ok=True)
    shutil.copytree(dist, portal / "dist", dirs_exist_ok=True)
    for name in ("package.json", "README.md", "LICENSE"):
        shutil.copyfile(PORTAL / name, portal / name)
    stamp = TARGET / "installed"
    files = [app / "package-lock.json", *sorted((portal / "dist").iterdir())]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        npm(app, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        stamp.write_text(wanted)
    (app / ".env").write_text(f"VITE_SUPABASE_URL={supabase.url}\nVITE_SUPABASE_KEY={supabase.keys.publishable}\n")
    run(app, "typescript/bin/tsc")
    run(app, "vite/bin/vite.js", "build", "--outDir", out, "--emptyOutDir")


class Pages:
    """A context manager: the built pages, served on a port of their own."""

    def __init__(self, folder: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Silent, directory=str(folder)))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="pages")
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""
