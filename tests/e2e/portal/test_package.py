"""The npm package: what is in it, and that an empty Vite project can use it."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from devstack.errors import StackError
from devstack.portal import SOURCE, npm, pack, run
from devstack.shop import Pages
from tests.conftest import ROOT
from tests.e2e.portal.conftest import ANNA

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.e2e.portal.conftest import Shop

#: An empty Vite project in TypeScript, locked; all that it does with the portal is in main.ts.
APP = Path(__file__).parent / "app"


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, as `npm publish` would upload it."""
    return pack(tmp_path_factory.mktemp("packed"))


def test_it_holds_only_what_it_should(tarball: Path) -> None:
    """A module and its types for each source file, the readme and the license; no sources, tests or dependencies."""
    with tarfile.open(tarball) as tar:
        names = {name.removeprefix("package/") for name in tar.getnames()}
        manifest = json.load(tar.extractfile("package/package.json"))  # type: ignore[arg-type]
        size = sum(member.size for member in tar.getmembers())
    modules = {path.stem for path in (SOURCE / "src").glob("*.ts")}
    assert names == {"package.json", "README.md", "LICENSE"} | {
        f"dist/{name}{ending}" for name in modules for ending in (".js", ".d.ts")
    }
    assert manifest["exports"]["."] == {"types": "./dist/index.d.ts", "default": "./dist/index.js"}
    assert "dependencies" not in manifest
    assert size < 150_000
    assert (SOURCE / "LICENSE").read_text() == (SOURCE.parent.parent / "LICENSE").read_text()


@pytest.fixture(scope="module")
def app(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty Vite project into which the tarball is installed."""
    app = tmp_path_factory.mktemp("vite") / "app"
    shutil.copytree(APP, app)
    npm(app, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    npm(app, "install", "--ignore-scripts", "--no-audit", "--no-fund", tarball)
    return app


def test_it_installs_into_an_empty_vite_project(app: Path, browser: Browser) -> None:
    """Its types are strict TypeScript's, a mistake in their use is an error, and the built page shows the element."""
    run(app, "typescript/bin/tsc")
    run(app, "vite/bin/vite.js", "build")
    (app / "main.ts").write_text((app / "main.ts").read_text().replace('noClient: "Sign in first."', "noClient: 1"))
    with pytest.raises(StackError, match="Type 'number' is not assignable to type 'string'"):
        run(app, "typescript/bin/tsc")
    with Pages(app / "dist") as pages:
        page = browser.new_page()
        page.goto(pages.url)
        expect(page.locator("webhooks-portal")).to_contain_text("Sign in first.")
        page.close()


def test_the_page_without_a_framework(app: Path, browser: Browser, shop: Shop) -> None:
    """What docs/customers.md shows, with a project's own URL, key and tenant: empty until someone signs in."""
    (block,) = re.findall(r"```html\n(.*?)```", (ROOT / "docs" / "customers.md").read_text(), re.DOTALL)
    supabase = shop.system.supabase
    for shown, real in (
        ("https://YOUR-PROJECT.supabase.co", supabase.url), ("sb_publishable_...", supabase.keys.publishable),
        ('"org_1"', '"a"'), ("const supabase =", "const supabase = window.client ="),
    ):  # fmt: skip
        assert block.count(shown) == 1
        block = block.replace(shown, real)
    (app / "plain").mkdir()
    (app / "plain" / "index.html").write_text(f"<!doctype html>\n{block}")
    run(app, "vite/bin/vite.js", "build", "plain")
    with Pages(app / "plain" / "dist") as pages:
        page = browser.new_page()
        page.goto(pages.url)
        portal = page.locator("webhooks-portal")
        page.wait_for_function("window.client")
        expect(portal).to_be_hidden()
        page.evaluate("(account) => client.auth.signInWithPassword(account)", ANNA._asdict())
        expect(portal.get_by_role("button", name="New endpoint")).to_be_visible()
        page.evaluate("client.auth.signOut()")
        expect(portal).to_be_hidden()
        expect(portal.get_by_role("button", name="New endpoint")).to_have_count(0)
        page.close()


def test_the_readme_names_what_there_is() -> None:
    """Each custom property of the style is in the readme's table, and none else."""
    style = (SOURCE / "src" / "style.ts").read_text()
    used = set(re.findall(r"var\((--webhooks-[a-z-]+)", style))
    assert set(re.findall(r"`(--webhooks-[a-z-]+)`", (SOURCE / "README.md").read_text())) == used
