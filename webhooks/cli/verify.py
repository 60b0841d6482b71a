"""`webhooks verify`: does a request's signature verify, and if not, why."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.cli.arguments import span
from supabase_webhooks.webhooks.cli.output import FAILED, STYLES, AsJson, console, note, print_json, say
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.verification import Check, Request
from supabase_webhooks.webhooks.verification import verify as checked

#: Between headers and body (RFC 9112, section 2.1), as people paste them.
EMPTY_LINE = re.compile(rb"\r?\n\r?\n")

#: `name: value`, after the mark of `curl --verbose`, if any.
HEADER = re.compile(r"(?:[<>] )?([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")


def verify(
    request: Annotated[
        str,
        typer.Argument(
            metavar="[FILE]", help="The request as it arrived: headers, an empty line, the body. - for standard input."
        ),
    ] = "-",
    secret: Annotated[
        str,
        typer.Option(
            envvar="WEBHOOKS_VERIFY_SECRET", show_envvar=True, help="The endpoint's secret, or its whpk_ key."
        ),
    ] = "",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="A header, as 'name: value'; FILE is the body then.")
    ] = None,
    body: Annotated[
        Path | None,
        typer.Option(help="The body, byte for byte; FILE holds only headers then.", dir_okay=False, exists=True),
    ] = None,
    max_age: Annotated[
        str, typer.Option(help="How old webhook-timestamp may be: 5m, as receivers have it; never: it does not matter.")
    ] = "5m",
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Look at what the project sent: tells a changed body from a wrong secret."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the signature of a request, in both schemes; exits with 1, and says why, if it does not verify."""
    if not secret and sys.stdin.isatty():
        # not shown, and in no shell's history
        secret = typer.prompt("The endpoint's secret", hide_input=True, err=True)
    if not secret:
        raise typer.BadParameter("give --secret, or set WEBHOOKS_VERIFY_SECRET")
    headers, content, pasted = _read(request, header, body)
    sent = _sent(headers) if compare else None
    tolerance = None if max_age == "never" else span(max_age).total_seconds()

    def checks(content: bytes) -> list[Check]:
        return checked(secret, Request(headers, content, sent), now=time.time(), tolerance=tolerance)

    found = checks(content)
    if pasted and content != (shorter := content.removesuffix(b"\n").removesuffix(b"\r")):
        # an editor, or the paste's own end
        without = checks(shorter)
        found = without if _problems(without) < _problems(found) else found
    verified = not _problems(found)
    if as_json:
        print_json({"verified": verified, "checks": [asdict(check) for check in found]})
    else:
        _show(found)
        say("Verified." if verified else "Not verified.")
    if not verified:
        raise typer.Exit(FAILED)


def _problems(checks: list[Check]) -> int:
    return sum(check.status == "problem" for check in checks)


def _show(checks: list[Check]) -> None:
    screen = console()
    for check in checks:
        line = Text(f"{check.status:<8}", style=STYLES.get(check.status, "dim"))
        screen.print(line.append(f"{check.header:<20} ", "bold").append(check.text, "default"), soft_wrap=True)


def _read(source: str, header: list[str] | None, body: Path | None) -> tuple[dict[str, str], bytes, bool]:
    """Return headers in lower case, the body, and whether that was pasted behind the headers."""
    if header and body:
        return _headers("\n".join(header)), body.read_bytes(), False
    if source == "-":
        if sys.stdin.isatty():
            note("Paste the headers, an empty line and the body, then press Ctrl-D.")
        # bytes where there are any: text would change line endings
        given = sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    else:
        try:
            given = Path(source).read_bytes()
        except OSError as exc:
            raise typer.BadParameter(f"{source}: {exc.strerror}") from None
    if header:
        return _headers("\n".join(header)), given, source == "-"
    if body:
        return _headers(given.decode(errors="replace")), body.read_bytes(), False
    # of what is pasted, the empty lines before the headers are not theirs
    head, *rest = EMPTY_LINE.split(given.lstrip(b"\r\n"), maxsplit=1)
    return _headers(head.decode(errors="replace")), rest[0] if rest else b"", True


def _headers(text: str) -> dict[str, str]:
    """Return the headers in a text: what is not a header, such as the request's first line, is skipped."""
    found = [HEADER.fullmatch(line) for line in text.splitlines()]
    headers = {one[1].lower(): one[2] for one in found if one}
    if not headers:
        raise typer.BadParameter("there are no headers; a request begins with lines such as: webhook-id: 3f2a...")
    return headers


def _sent(headers: dict[str, str]) -> bytes:
    try:
        delivery = str(UUID(headers.get("webhook-id", "")))
    except ValueError:
        raise typer.BadParameter("--compare needs the header webhook-id: it is the delivery's id") from None
    return exact.compact(call("get_webhook_delivery", delivery_id=delivery)["body"]).encode()
