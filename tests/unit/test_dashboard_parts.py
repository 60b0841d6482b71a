"""Parts of the dashboard that need no server: links with a prefix, fields of a schema, SQL that quotes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from supabase_webhooks.gateway.dashboard.attach import quoted, statement
from supabase_webhooks.gateway.dashboard.page import TEMPLATES
from supabase_webhooks.gateway.dashboard.schema_fields import fields
from supabase_webhooks.gateway.prefix import ADDRESSES, Links, _root, root, rooted
from supabase_webhooks.webhooks.settings import Settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["properties", "required", "items", "type", "enum", "const", "format", "x"]), inner
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_any_schema_has_fields(schema: Any) -> None:
    """A schema that no one foresaw breaks no page."""
    for field in fields(schema):
        assert isinstance(field.type, str)


def test_fields_of_a_schema() -> None:
    """Nested ones after their parent, those of a list's items with brackets."""
    schema = {
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "Which."},
            "lines": {"type": "array", "items": {"properties": {"sku": {"type": ["string", "null"]}}}},
            "state": {"enum": ["paid", "open"]},
            "total": {"properties": {"cents": {"type": "integer"}}, "required": ["cents"]},
        },
        "required": ["id"],
    }
    assert [tuple(field) for field in fields(schema)] == [
        ("id", "string (uuid)", True, "Which."),
        ("lines", "array", False, ""),
        ("lines[].sku", "string or null", False, ""),
        ("state", "paid or open", False, ""),
        ("total", "any", False, ""),
        ("total.cents", "integer", True, ""),
    ]


@given(st.text())
def test_a_quoted_text_ends_where_it_should(text: str) -> None:
    """Read by Postgres's rules, the literal is the text, and nothing follows it."""
    literal = quoted(text)
    inner = literal.removeprefix("E")[1:-1]
    escapes = literal.startswith("E")
    assert re.fullmatch(r"(''|\\\\|[^'\\])*" if escapes else r"(''|[^'])*", inner, re.DOTALL)
    assert (inner.replace("''", "'").replace("\\\\", "\\") if escapes else inner.replace("''", "'")) == text


def test_the_statement() -> None:
    """As docs/events.md has it."""
    assert statement("public.orders", "order.paid", "update", ["id", "total"], "customer_id") == (
        "select public.webhook_attach('public.orders', 'order.paid', 'update', '[\"id\",\"total\"]',"
        " actor => 'customer_id');"
    )


@pytest.mark.parametrize("prefix", ["", "/a/b"])
def test_links_of_a_template(prefix: str) -> None:
    """A literal link and one of an expression get the prefix; others stay."""
    environment = Environment(extensions=[Links], autoescape=True)
    environment.globals["root"] = root
    environment.filters["rooted"] = rooted
    template = environment.from_string(
        '<a href="/x?a={{ 1 }}"></a><form action="/{{ 2 }}/y"></form><a href="{{ here }}"></a>'
        '<a href="{{ there }}"></a><a href="#z"></a><a href="//other"></a>'
        '<div hx-get="/part" data-source="/data"></div>'
    )
    token = _root.set(prefix)
    try:
        text = template.render(here="/h", there="https://example.com/")
    finally:
        _root.reset(token)
    assert text == (
        f'<a href="{prefix}/x?a=1"></a><form action="{prefix}/2/y"></form><a href="{prefix}/h"></a>'
        f'<a href="https://example.com/"></a><a href="#z"></a><a href="//other"></a>'
        f'<div hx-get="{prefix}/part" data-source="{prefix}/data"></div>'
    )


def test_no_template_has_another_kind_of_link() -> None:
    """Each attribute that holds an address of ours is one that the prefix is put before."""
    # a key of the keyboard
    elsewhere = {"aria-keyshortcuts"}
    for file in TEMPLATES.glob("*.html"):
        found = set(re.findall(r"""([\w-]+)=["']/[^"']*["']""", file.read_text())) - elsewhere
        assert [name for name in found if not re.fullmatch(ADDRESSES.partition(")")[2], name)] == [], file.name


@pytest.mark.parametrize("path", ["webhooks", "/webhooks/", "//evil.example", "/a b", '/a"b', "/ü", "https://x", "/"])
def test_a_prefix_that_is_none(path: str) -> None:
    """A setting that would break links, or lead them elsewhere, is an error that says so."""
    with pytest.raises(Exception, match="WEBHOOKS_ROOT_PATH must be a path without a slash at its end"):
        Settings(supabase_url="http://x", service_key="k", root_path=path)
