"""Who may do what, read from the schema files' grants and policies: the rows that webhooks.secure() goes by."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REVOKE = re.compile(
    r"^revoke all on (?:(schema|function|sequence) )?([\w.]+(?:\([^)]*\))?) from ([^;]+);", re.MULTILINE
)
GRANT = re.compile(
    r"^grant ([\w, ]+?) on (?:(schema|function|sequence) )?([\w.]+(?:\([^)]*\))?)\s+to ([^;]+);", re.MULTILINE
)
POLICY = re.compile(
    r'^create policy "([^"]+)" on ([\w.]+)\s+for (\w+) to ([\w, ]+?) using \((.*)\);\n', re.MULTILINE | re.DOTALL
)


ACCESS = """insert into webhooks.expected_access (object, kind, grants) values
{}
on conflict (object) do update set kind = excluded.kind, grants = excluded.grants;
"""
POLICIES = """insert into webhooks.expected_policies (table_name, name, command, roles, condition, statement) values
{}
on conflict (table_name, name) do update set command = excluded.command, roles = excluded.roles,
    condition = excluded.condition, statement = excluded.statement;
"""


def rows(texts: Iterable[str]) -> str:
    """Return the statements that fill webhooks.expected_access and webhooks.expected_policies."""
    access: dict[str, tuple[str, dict[str, list[str]]]] = {}
    policies = []
    for text in texts:
        for kind, name, _ in REVOKE.findall(text):
            access[name] = (kind or ("sequence" if f"create sequence if not exists {name};" in text else "table"), {})
        for privileges, _, name, roles in GRANT.findall(text):
            for role in roles.split(","):
                access[name][1][role.strip()] = sorted(one.strip().upper() for one in privileges.split(","))
        for statement in re.findall(r"^create policy .*?;\n", text, re.DOTALL | re.MULTILINE):
            found = POLICY.match(statement)
            if found is None:
                raise ValueError(f"not in the usual form: {statement}")
            name, table, command, roles, condition = found.groups()
            policies.append(
                (table, name, command.upper(), f"{{{roles.replace(' ', '')}}}", condition, statement.strip(";\n"))
            )
    granted = ",\n".join(
        f"    ({_quoted(name)}, '{kind}', {_quoted(json.dumps(grants, sort_keys=True))})"
        for name, (kind, grants) in sorted(access.items())
    )
    allowed = ",\n".join(f"    ({', '.join(map(_quoted, policy))})" for policy in sorted(policies))
    return ACCESS.format(granted) + (POLICIES.format(allowed) if allowed else "")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
