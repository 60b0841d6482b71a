"""JSON numbers come out as they went in, however long, and however deep they lie."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supabase_webhooks.webhooks.deliveries import field
from supabase_webhooks.webhooks.errors import DeliveryError
from supabase_webhooks.webhooks.exact import compact, decode, encode, pretty

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
VALUES = st.recursive(
    st.one_of(NUMBERS, st.text().map(json.dumps), st.sampled_from(["true", "false", "null"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda all_: f"[{', '.join(all_)}]"),
        st.dictionaries(st.text().map(json.dumps), inner, max_size=4).map(
            lambda all_: f"{{{', '.join(f'{key}: {value}' for key, value in all_.items())}}}"
        ),
    ),
)


def numbers(text: str) -> Any:
    """Return JSON's value with each number as an exact one, by another way than the product's."""
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


@settings(max_examples=500)
@given(VALUES)
def test_values_are_kept(text: str) -> None:
    """Decoded and encoded, indented, and without white space."""
    for made in (encode(decode(text)), pretty(text), compact(text)):
        assert numbers(made) == numbers(text)


@pytest.mark.parametrize("number", ["9007199254740993", "1.10", "1e400", "-0.0", "1" * 5001, "1" * 131_072])
def test_numbers(number: str) -> None:
    """2^53+1, a price, one beyond a double, and more digits than Python reads."""
    assert numbers(encode(decode(f'{{"n": {number}}}'))) == {"n": Decimal(number)}
    assert field(f'{{"n": {number}}}'.encode(), "n") == encode(decode(number))
    for made in (compact(f'{{ "n":  {number} }}'), pretty(f'{{"n":{number}}}')):
        assert number in made


@pytest.mark.parametrize("depth", [100, 6000, 100_000])
def test_depth(depth: int) -> None:
    """What is too deep for a parser can still be shown and sent as text."""
    text = '[{"a b": ' * depth + '" [ "' + "}]" * depth
    assert compact(text) == text.replace('": ', '":')
    assert "".join(pretty(text).split()) == "".join(text.split())
    if depth > 1000:
        with pytest.raises(ValueError, match="nested too deeply"):
            decode(text)
        with pytest.raises(DeliveryError, match="nested too deeply") as failed:
            field(text.encode(), "a.b")
        assert failed.value.permanent


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e9999999999999999999999", "01", "", "[", b"\xff"])
def test_what_is_no_json(text: str | bytes) -> None:
    """A ValueError, and no other."""
    with pytest.raises(ValueError):  # noqa: PT011 - its text is the parser's
        decode(text)


def test_half_of_a_pair() -> None:
    """UTF-8 has no form for it; JSON has one."""
    assert json.loads(encode({"a": "\ud800", "n": Decimal("1.5")})) == {"a": "\ud800", "n": 1.5}
