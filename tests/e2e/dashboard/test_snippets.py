"""The code with which the dashboard tells people to verify deliveries, run as it stands against real deliveries."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from devstack.node import environment, install, node
from supabase_webhooks.gateway.dashboard.snippets import FOLDER, LANGUAGES, snippets
from tests.adapters.shorthands import SECRET
from tests.conftest import quiet
from tests.e2e.test_verification import ACCEPTED, deliveries

if TYPE_CHECKING:
    from pathlib import Path

#: What follows each snippet here: it reads cases and a secret, and prints which of them are genuine.
HARNESS = {
    "python": """
import json, pathlib, sys
given = json.loads(pathlib.Path("cases.json").read_text())
cases = given["cases"].items()
print(json.dumps({k: verify(base64.b64decode(c["body"]), c["headers"], given["secret"]) for k, c in cases}))
""",
    "javascript": """
import { readFileSync } from "node:fs";
const { cases, secret } = JSON.parse(readFileSync("cases.json"));
console.log(JSON.stringify(Object.fromEntries(Object.entries(cases).map(
  ([k, c]) => [k, verify(Buffer.from(c.body, "base64"), c.headers, secret)]))));
""",
    "typescript": """
const { cases, secret } = JSON.parse(Deno.readTextFileSync("cases.json"));
const found: Record<string, boolean> = {};
for (const [k, c] of Object.entries<{ body: string; headers: Record<string, string> }>(cases)) {
  found[k] = await verify(Uint8Array.from(atob(c.body), (b) => b.charCodeAt(0)), new Headers(c.headers), secret);
}
console.log(JSON.stringify(found));
""",
    "php": """
$given = json_decode(file_get_contents('cases.json'), true);
$secret = $given['secret'];
echo json_encode(array_map(fn ($c) => verify(base64_decode($c['body']), $c['headers'], $secret), $given['cases']));
""",
    "ruby": """
require "json"
given = JSON.parse(File.read("cases.json"))
secret = given["secret"]
puts JSON.generate(given["cases"].transform_values { |c| verify(c["body"].unpack1("m"), c["headers"], secret) })
""",
    "go": """
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	text, _ := os.ReadFile("cases.json")
	var given struct {
		Secret string
		Cases  map[string]struct {
			Body    string
			Headers map[string]string
		}
	}
	json.Unmarshal(text, &given)
	found := map[string]bool{}
	for name, one := range given.Cases {
		headers := http.Header{}
		for key, value := range one.Headers {
			headers.Set(key, value)
		}
		body, _ := base64.StdEncoding.DecodeString(one.Body)
		found[name] = verify(body, headers, given.Secret)
	}
	out, _ := json.Marshal(found)
	fmt.Println(string(out))
}
""",
}


def deno() -> str:
    """Return the path of Deno's program."""
    (program,) = (install(say=quiet) / "node_modules" / "@deno").glob("*/deno*")
    return str(program)


def command(language: str, folder: Path) -> list[str]:
    """Write a language's program into a folder; return the command that runs it. Skip what this machine lacks."""
    code, harness = snippets()[language][1], HARNESS[language]
    names = {"python": "it.py", "javascript": "it.mjs", "typescript": "it.ts", "php": "it.php", "ruby": "it.rb"}
    if language == "go":
        (folder / "verify.go").write_text(code)
        (folder / "main.go").write_text(harness)
        (folder / "go.mod").write_text("module it\n\ngo 1.18\n")
    else:
        (folder / names[language]).write_text(code + harness)
    runs = {
        "python": lambda: [sys.executable, "it.py"],
        "javascript": lambda: [str(node()), "it.mjs"],
        "typescript": lambda: [deno(), "run", "--check", "--allow-read", "--no-remote", "it.ts"],
    }
    if language in runs:
        return runs[language]()
    if shutil.which(language) is None and not os.environ.get("CI"):
        pytest.skip(f"{language} is not on this machine; .ci/run installs it")
    return [language, *(["run", "."] if language == "go" else [names[language]])]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("secret", [SECRET, "not the secret", "whsec_AAAA"], ids=["right", "no secret", "another"])
def test_each_language(tmp_path: Path, language: str, secret: str) -> None:
    """It accepts what we sign, and nothing else: not tampered with, old, unsigned, or malformed in any header."""
    cases = deliveries()
    body, headers = cases["right"]
    for name in ("webhook-timestamp", "webhook-signature", "webhook-id"):
        cases[f"without {name}"] = (body, {key: value for key, value in headers.items() if key != name})
        for odd in ("", "x", "-1", "1e9", "v1,", "v1", "v1,A", "v1,====", "9" * 40, " ", "\u0663", "v1,\u0663"):
            cases[f"{name} is {odd!r}"] = (body, {**headers, name: odd})
    cases["empty"] = (b"", headers)
    text = {
        name: {"body": base64.b64encode(body).decode(), "headers": headers} for name, (body, headers) in cases.items()
    }
    if language == "typescript":
        # fetch's Headers hold no other characters, nor does HTTP
        text = {name: one for name, one in text.items() if all(value.isascii() for value in one["headers"].values())}
    (tmp_path / "cases.json").write_text(json.dumps({"secret": secret, "cases": text}))
    folders = {"DENO_DIR": str(tmp_path / "deno"), "GOCACHE": str(tmp_path / "go"), "HOME": str(tmp_path)}
    done = subprocess.run(
        command(language, tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**environment(), **folders},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == text.keys()
    assert {name for name, genuine in found.items() if genuine} == (ACCEPTED if secret == SECRET else set())


def test_every_snippet_is_run() -> None:
    """None is shown that is not run above."""
    assert HARNESS.keys() == LANGUAGES.keys() == {file.stem for file in FOLDER.iterdir()}
    assert len(LANGUAGES) == 6
