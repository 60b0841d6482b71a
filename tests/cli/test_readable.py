"""What people read: short ids, names, tables that fit 80 columns, and colors that can be switched off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from supabase_webhooks.webhooks.cli.ids import bounds
from supabase_webhooks.webhooks.cli.tables import GAP, LONGEST, fit, shortest
from tests.cli.test_terminal import webhooks_in_terminal
from tests.unit.test_plain import COLORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]

IDS = [
    "3f2a0000-0000-4000-8000-000000000001",
    "3f2a0001-0000-4000-8000-0000000000ff",
    "9b1c0000-0000-4000-8000-000000000000",
]


def seen(system: System, *arguments: str, columns: int = 80, **variables: str) -> str:
    """Return what a command shows in a terminal, with its colors."""
    everything = {**system.settings(), **variables}
    with webhooks_in_terminal(*arguments, variables=everything, columns=columns) as terminal:
        terminal.end()
    return terminal.shown.replace("\r\n", "\n")


@pytest.fixture
def deliveries(system: System) -> str:
    """Three deliveries with the ids above, of an endpoint with a long name and URL; its id."""
    endpoint = system.endpoint(f"https://{'host.' * 20}example.com/x", name="The customer relations system")
    system.dispatch(3)
    for id_, row in zip(IDS, system.rows(), strict=True):
        system.db.execute("update public.webhook_deliveries set id = %s where id = %s", (id_, row["id"]))
    error = "connection refused by the host, which is not there any more"
    system.db.execute(
        "update public.webhook_deliveries set error_message = %s, attempts = 1, status = 'failed', finished_at = now()"
        " where id = %s",
        (error, IDS[2]),
    )
    return endpoint


@given(st.lists(st.lists(st.text(st.sampled_from("ab é語 \n"), max_size=60), min_size=3, max_size=3), min_size=1),
       st.integers(min_value=20, max_value=200))  # fmt: skip
def test_columns_fit_and_no_word_is_broken(columns: list[list[str]], width: int) -> None:
    """Whatever the cells are: the first column is there, all fit together, and each is as wide as its words."""
    shown = fit(columns, width)
    assert 0 in shown
    assert sum(shown.values()) + GAP * (len(shown) - 1) <= width
    for n, cells in shown.items():
        longest = max((cell_len(word) for cell in columns[n] for word in cell.split()), default=0)
        assert cells >= min(longest, LONGEST, width if n == 0 else LONGEST)


@given(st.uuids(), st.integers(min_value=1, max_value=36))
def test_a_beginning_of_an_id_is_a_range(whole: object, length: int) -> None:
    """Which holds every id that begins so, and no other."""
    text = str(whole)
    between = bounds(text[:length])
    assert between
    assert between[0] <= text <= between[1]
    digits = text.replace("-", "")[: len(text[:length].replace("-", ""))]
    assert all(end.replace("-", "").startswith(digits) for end in between)


@pytest.mark.parametrize("text", ["", "-", "x", "3g", "3f2a%", "a" * 33, "٣", "3f 2a"])
def test_what_no_id_begins_with(text: str) -> None:
    """Has no range."""
    assert bounds(text) is None


def test_short_ids_are_as_long_as_they_must_be() -> None:
    """Eight characters, or more where two ids have those in common."""
    assert shortest(IDS) == 8
    assert shortest([*IDS, "3f2a0000-0000-4000-8000-0000000000ff"]) == 35
    assert shortest([IDS[0], IDS[0]]) == 8


def test_an_id_by_its_beginning(system: System, webhooks: Webhooks, deliveries: str) -> None:
    """Wherever an id is given: of a delivery, an event, an endpoint, a trigger error."""
    assert webhooks("deliveries", "show", "9b", "--json").json["id"] == IDS[2]
    assert webhooks("deliveries", "show", IDS[2].replace("-", "")[:20].upper(), "--json").json["id"] == IDS[2]
    request = str(system.rows()[0]["request_id"])
    assert [row["request_id"] for row in webhooks("deliveries", "list", "--request", request[:13], "--json").json] == [
        request
    ]
    assert webhooks("endpoints", "show", deliveries[:10], "--json").json["id"] == deliveries
    assert len(webhooks("deliveries", "list", "--endpoint", deliveries[:10], "--json").json) == 3
    assert webhooks("deliveries", "retry", "9b1c", "--json").json[0]["delivery_id"] == IDS[2]
    error = "c0ffee00-0000-4000-8000-000000000000"
    system.db.execute(
        "insert into public.webhook_trigger_errors (id, source, code, message) values (%s, 't', '22012', 'm')", (error,)
    )
    assert [one["id"] for one in webhooks("events", "retry-errors", "c0ffee", "--json").json["failed"]] == [error]


def test_a_beginning_of_several_lists_them(webhooks: Webhooks, deliveries: str) -> None:
    """As far as they differ, with what tells them apart; nothing is chosen."""
    assert deliveries
    done = webhooks("deliveries", "retry", "3f2a", COLUMNS="120")
    assert done.code == 2
    assert "means several deliveries" in done.err
    assert [one[:8] in done.err for one in IDS] == [True, True, False]
    assert done.err.count("user.joined_community") == 2
    missing = webhooks("deliveries", "show", "0000")
    assert (missing.code, "no delivery has an id that begins with '0000'" in missing.err) == (2, True)


def test_an_endpoint_by_its_name(system: System, webhooks: Webhooks, deliveries: str) -> None:
    """In any form; a name that looks like an id is a name first; a name of two is not guessed."""
    name = "The customer relations system"
    assert webhooks("endpoints", "disable", name).code == 0
    assert webhooks("endpoints", "show", name, "--json").json["is_active"] is False
    assert len(webhooks("deliveries", "list", "--endpoint", name, "--json").json) == 3
    similar = webhooks("endpoints", "show", "The customer relation system", COLUMNS="250")
    assert (similar.code, f"did you mean {name}?" in similar.err) == (2, True), similar.err

    hostile = 'a,b.(c)"d" &x=*% é'
    for odd in (deliveries[:4], hostile):
        made = system.endpoint("https://example.com/x", name=odd)
        assert webhooks("endpoints", "show", odd, "--json").json["id"] == made
    twins = [system.endpoint("https://example.com/x", name="twin") for _ in range(2)]
    done = webhooks("endpoints", "rotate", "twin")
    assert done.code == 2
    assert [one[:8] in done.err for one in twins] == [True, True]


def test_lists_at_80_columns(system: System, deliveries: str) -> None:
    """No line is longer, no word is broken, ids are short; what is most important is there."""
    for arguments, wanted in (
        (["deliveries", "list"], ["user.joined_community", "failed", "9b1c"]),
        (["endpoints", "list"], ["relations", deliveries[:8], "healthy"]),
        (["events", "list"], ["user.joined_community"]),
    ):
        text = COLORS.sub("", seen(system, *arguments))
        assert max(map(cell_len, text.splitlines())) <= 80, text
        for word in wanted:
            assert word in text, text
        assert deliveries not in text
    wide = COLORS.sub("", seen(system, "deliveries", "list", columns=200))
    narrow = COLORS.sub("", seen(system, "deliveries", "list", columns=60))
    assert "connection refused by the host, which is not there any more" in wide
    assert "attempts" in wide
    assert "attempts" not in narrow
    assert max(map(cell_len, narrow.splitlines())) <= 60


def test_whole_ids_for_what_is_no_terminal(webhooks: Webhooks, deliveries: str) -> None:
    """A file or a pipe gets all columns, whole."""
    listed = webhooks("deliveries", "list").out
    assert all(one in listed for one in IDS)
    assert deliveries in webhooks("endpoints", "list").out
    assert f"https://{'host.' * 20}example.com/x" in webhooks("endpoints", "list").out


def test_a_card_for_one_thing(system: System, deliveries: str) -> None:
    """Its name and state, then what it consists of; nothing that is empty."""
    text = COLORS.sub("", seen(system, "endpoints", "show", deliveries))
    # behind the line that names the project
    assert text.splitlines()[1].split() == ["The", "customer", "relations", "system", "healthy"]
    assert deliveries in text
    assert "three attempts over six seconds" in text
    assert "credentials" not in text
    assert max(map(cell_len, text.splitlines())) <= 80
    one = COLORS.sub("", seen(system, "deliveries", "show", "9b"))
    assert one.splitlines()[1].split() == ["user.joined_community", "failed"]
    assert IDS[2] in one


def test_colors_can_be_switched_off(system: System, webhooks: Webhooks, deliveries: str) -> None:
    """NO_COLOR (no-color.org) and a pipe: a terminal has them otherwise."""
    colored = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    for arguments in (["deliveries", "list"], ["endpoints", "show", deliveries], ["deliveries", "show", "9b"]):
        assert colored.search(seen(system, *arguments)), arguments
        assert not colored.search(seen(system, *arguments, NO_COLOR="1")), arguments
        assert "\x1b" not in webhooks(*arguments).out


def test_a_beginning_is_found_by_the_index(system: System, deliveries: str) -> None:
    """Among many: of a delivery, and of an event."""
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, request_id)"
        " select %s, 'e', '{}', 'delivered', gen_random_uuid() from generate_series(1, 20000)",
        (deliveries,),
    )
    system.db.execute("analyze public.webhook_deliveries")
    between = bounds("3f2a")
    for column in ("id", "request_id"):
        plan = system.db.execute(
            f"explain select {column} from public.webhook_deliveries where {column} >= %s and {column} <= %s"
            f" order by {column} limit 6".encode(),
            between,
        ).fetchall()
        text = "\n".join(str(line["QUERY PLAN"]) for line in plan)
        assert "Index" in text, text
        assert "Seq Scan" not in text, text
