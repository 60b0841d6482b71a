"""The migrations, produced from supabase/schemas: `make migrations`; a test compares what lies there with this."""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from pathlib import Path

from devstack import access

ROOT = Path(__file__).parents[1]
SUPABASE = ROOT / "supabase"

#: Functions that an app may replace: created if absent, never overwritten, never reported as different.
REPLACEABLE = (
    "public.is_webhook_admin",
    "public.is_webhook_viewer",
    "public.webhook_tenants",
    "webhooks.dispatch_limit_per_minute",
    "webhooks.purge_deliveries",
)

#: Tables that a running app writes to: a migration that finds them takes their locks first, together or not at all.
CONTENDED = (
    "public.webhook_configurations",
    "public.webhook_deliveries",
    "public.webhook_attempts",
    "public.webhook_circuits",
)

#: What was there before this SQL takes its place in it: secrets, pending deliveries and circuits.
ADOPT = """select webhooks.move_all_endpoint_secrets();
select webhooks.queue_all_missing_deliveries();
insert into public.webhook_circuits (webhook_config_id) select c.id from public.webhook_configurations as c
on conflict do nothing;
"""

#: A restored or shared database may grant more, or less.
SECURE = "select s.kind, s.object, s.was, s.should_be from webhooks.secure() as s;\n"

#: Who is locked out, and what lets them in. All in the message: not every client shows hints.
ADMINS = """do $admins$
declare
    _one record;
begin
    for _one in select p.problem, p.cure from webhooks.admin_problems() as p loop
        raise warning '%. %', _one.problem, _one.cure;
    end loop;
end $admins$;
"""

#: Tries of 0.2 s, with 0.1 s between them: a minute, half of hosted Supabase's statement timeout.
TRIES = 200

#: A statement, up to its semicolon at the end of a line; bodies of functions are quoted with dollars.
STATEMENT = re.compile(r"(?:[^$']|\$(?!\w*\$)|'(?:[^']|'')*'|(\$\w*\$).*?\1)*?;[ \t]*(?=\n|$)", re.DOTALL)


def schema_files() -> list[Path]:
    """Return the files of supabase/schemas in load order, each once: config.toml's `schema_paths`."""
    config = tomllib.loads((SUPABASE / "config.toml").read_text())
    files: dict[Path, None] = {}
    for pattern in config["db"]["migrations"]["schema_paths"]:
        files |= dict.fromkeys(sorted(SUPABASE.glob(pattern.removeprefix("./"))))
    return list(files)


def produce() -> dict[Path, str]:
    """Return each migration's text, by its file."""
    setup = [SUPABASE / "schemas/setup" / name for name in ("webhooks.sql", "migrations.sql")]
    files = schema_files()
    secured = access.rows(file.read_text() for file in files)
    system = [_locks(), _bodies(files), secured, ADOPT, SECURE, ADMINS]
    upgrade = [_read(setup), _read([SUPABASE / "upgrade/first_generation.sql"])]
    platform = sorted((SUPABASE / "platform").rglob("*.sql"))
    foresee, read, swap = (_read([file]) for file in sorted((SUPABASE / "partitions").glob("*.sql")))
    return {
        SUPABASE / file: _migration(label, *parts)
        for file, label, parts in (
            ("migrations/20261130000000_webhooks_upgrade.sql", "upgrade", upgrade),
            ("migrations/20261201000000_webhooks.sql", "system", system),
            (
                "migrations/20261202000000_webhooks_platform.sql",
                "platform",
                [_bodies(platform), access.rows(file.read_text() for file in platform), SECURE],
            ),
            ("optional/20261203000000_webhooks_partitions_foresee.sql", "partitions_foresee", [foresee]),
            ("optional/20261203000100_webhooks_partitions_read.sql", "partitions_read", [read]),
            ("optional/20261203000200_webhooks_partitions_swap.sql", "partitions_swap", [swap, _swapped()]),
        )
    }


def write() -> None:
    """Write the migrations."""
    for file, text in produce().items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        sys.stdout.write(f"{file.relative_to(ROOT)}: {text.count(chr(10))} lines\n")


def _swapped() -> str:
    """Return what a table loses when another takes its place: its triggers, and the view that reads it."""
    deliveries = SUPABASE / "schemas/deliveries"
    table = (deliveries / "webhook_deliveries.sql").read_text()
    triggers = re.findall(r"^create or replace trigger .*?;\n", table, re.DOTALL | re.MULTILINE)
    view = (deliveries / "webhook_delivery_overview.sql").read_text()
    return "\n".join([*triggers, view, "select webhooks.prepare_webhook_partitions();\n"])


def _migration(name: str, *parts: str) -> str:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    body = "\n".join(parts)
    checksum = hashlib.sha256(body.encode()).hexdigest()
    return f"""-- webhooks migration: {name} {checksum}
-- Produced from supabase/schemas by `make migrations`. Change the files there, not this one.

select set_config('check_function_bodies', 'off', true);

{body}
insert into webhooks.migrations (name, checksum, package_version) values ('{name}', '{checksum}', '{version}')
on conflict (name) do update
set checksum = excluded.checksum, package_version = excluded.package_version, applied_at = now();
"""  # noqa: S608 - it writes a migration


def _read(files: list[Path]) -> str:
    return "\n".join(f"-- {file.relative_to(SUPABASE)}\n{file.read_text()}" for file in files)


def _bodies(files: list[Path]) -> str:
    """Return the files' statements: replaceable functions guarded, and policies last, in one block that can wait."""
    policies: list[str] = []
    texts = []
    for file in files:
        text = file.read_text()
        for policy in re.findall(r"^create policy .*?;\n", text, re.DOTALL | re.MULTILINE):
            policies.append(policy)
            text = text.replace(policy, "")
        if any(
            re.search(rf"^create or replace function {re.escape(name)}\(", text, re.MULTILINE) for name in REPLACEABLE
        ):
            text = _if_absent(text)
        texts.append(f"-- {file.relative_to(SUPABASE)}\n{text}")
    return "\n".join([*texts, _policies(policies)] if policies else texts)


def _if_absent(text: str) -> str:
    """Guard a replaceable function and its comment; grants are not the app's to replace."""
    function, grants = text.split("revoke all on function", 1)
    signature = re.match(r" (\S+\([^)]*\))", grants)
    if signature is None:
        raise ValueError(f"no signature in {grants!r}")
    return f"""do $replaceable$
begin
    if to_regprocedure('{signature[1]}') is null then
        execute $function${function}$function$;
    end if;
end $replaceable$;
revoke all on function{grants}"""


def _locks() -> str:
    names = ", ".join(f"'{name}'" for name in CONTENDED)
    return _patient(f"""            for _table in
                select t from unnest(array[{names}]) as t where to_regclass(t) is not null
            loop
                execute format('lock table %s in access exclusive mode', _table);
            end loop;
""")  # noqa: S608 - it writes a migration


def _policies(policies: list[str]) -> str:
    """Create the policies that are missing. Hosted Supabase locks auth.* and storage.* for it, until the commit."""
    parts = []
    for policy in policies:
        found = re.match(r'create policy "([^"]+)" on (\w+)\.(\w+)', policy)
        if found is None:
            raise ValueError(f"not in the usual form: {policy}")
        name, schema, table = found.groups()
        parts.append(f"""            if not exists (select from pg_policies as p
                           where p.schemaname = '{schema}' and p.tablename = '{table}' and p.policyname = '{name}') then
                {policy.strip()}
            end if;
""")
    return _patient("".join(parts))


def _patient(body: str) -> str:
    """Return a block that takes locks together or not at all, and comes again until it has them."""
    return f"""do $locks$
declare
    _before text := current_setting('lock_timeout');
    _table text;
begin
    for n in 1..{TRIES} loop
        begin
            perform set_config('lock_timeout', '200ms', true);
{body}            perform set_config('lock_timeout', _before, true);
            return;
        exception
            -- nothing is held now: transactions that waited for us continue
            when lock_not_available then
                perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'the tables were in use for a minute' using hint = 'End long transactions and push again.';
end $locks$;
"""


if __name__ == "__main__":
    write()
