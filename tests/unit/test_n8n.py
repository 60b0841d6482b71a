"""The n8n workflow of docs/guides: its nodes, its connections, and that its Crypto node's HMAC is our signature."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from typing import Any

import pytest

from devstack.node import node
from supabase_webhooks.webhooks.signing import generate_secret, signature_headers
from tests.conftest import ROOT

GUIDES = ROOT / "docs" / "guides"
WORKFLOW: dict[str, Any] = json.loads((GUIDES / "webhook-receiver.n8n.json").read_text())
NODES: dict[str, dict[str, Any]] = {one["name"]: one for one in WORKFLOW["nodes"]}

#: The versions that n8n-nodes-base 2.41.1 has of each node.
VERSIONS = {
    "webhook": {1, 1.1, 2, 2.1},
    "crypto": {1, 2},
    "if": {1, 2, 2.1, 2.2, 2.3},
    "switch": {1, 2, 3, 3.1, 3.2, 3.3, 3.4},
    "respondToWebhook": {1, 1.1, 1.2, 1.3, 1.4, 1.5},
    "noOp": {1},
}

#: Follows an item through the workflow: the parts of n8n's nodes that this workflow uses.
FOLLOW = r"""
const { createHmac } = require("crypto");
const { workflow, hmacSecret, item } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const value = (text, $json) => !text.startsWith("=") ? text
  : text.slice(1).replace(/\{\{(.*?)\}\}/g, (_, code) => new Function("$json", `return (${code})`)($json));
const holds = ({ conditions }, $json) => conditions.every(({ leftValue, rightValue, operator }) => {
  if (operator.operation !== "equals") throw new Error(operator.operation);
  return value(leftValue, $json) === value(rightValue, $json);
});
const run = {
  webhook: () => 0,
  noOp: () => 0,
  crypto({ type, encoding, binaryPropertyName, dataPropertyName }) {
    const bytes = Buffer.from(item.binary[binaryPropertyName].data, "base64");
    item.json[dataPropertyName] = createHmac(type, hmacSecret).update(bytes).digest(encoding);
    return 0;
  },
  if: ({ conditions }) => holds(conditions, item.json) ? 0 : 1,
  switch({ rules }) {
    const found = rules.values.findIndex(({ conditions }) => holds(conditions, item.json));
    return found < 0 ? rules.values.length : found;
  },
  respondToWebhook: ({ options }) => { visited.push(options.responseCode); return 0; },
};
const visited = [];
const visit = (name) => {
  const { type, parameters } = workflow.nodes.find((node) => node.name === name);
  if (type.endsWith(".noOp")) visited.push(name);
  const output = run[type.split(".")[1]](parameters);
  for (const next of (workflow.connections[name]?.main ?? [])[output] ?? []) visit(next.node);
};
visit("Webhook");
console.log(JSON.stringify(visited));
"""

BODIES = {
    "joined": '{"data":{"text":"Grüße 🎉","n":9007199254740993},"event":"user.joined_community","request_id":"r-1"}',
    "1.0": '{"data":{"price":1.0,"big":123456789012345678901234567890},"event":"user.posted_comment"}',
    "another event": '{"data":{},"event":"order.paid"}',
}


def follow(body: bytes, headers: dict[str, str], secret: str) -> list[Any]:
    """Return the statuses and the branches that a delivery reaches, in their order."""
    item = {
        "json": {"headers": {name.lower(): value for name, value in headers.items()}, "body": json.loads(body)},
        "binary": {"data": {"data": base64.b64encode(body).decode()}},
    }
    done = subprocess.run(
        [node(), "-e", FOLLOW],
        input=json.dumps({"workflow": WORKFLOW, "hmacSecret": secret, "item": item}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_the_nodes_are_those_of_n8n() -> None:
    """Each is of a type and a version that n8n 2.x has; no node needs the environment, and none has a secret."""
    assert len(NODES) == len(WORKFLOW["nodes"])
    for one in WORKFLOW["nodes"]:
        package, _, kind = one["type"].partition(".")
        assert package == "n8n-nodes-base"
        assert one["typeVersion"] in VERSIONS[kind], one["name"]
    assert "$env" not in json.dumps(WORKFLOW)
    assert not {"secret", "credentials"} & {key for one in WORKFLOW["nodes"] for key in (*one, *one["parameters"])}


def test_the_connections() -> None:
    """Every node is reached from the webhook, and every way leads through exactly one response."""
    ways, seen = [("Webhook", 0)], set()
    while ways:
        name, responses = ways.pop()
        seen.add(name)
        responses += NODES[name]["type"].endswith(".respondToWebhook")
        outputs = WORKFLOW["connections"].get(name, {"main": []})["main"]
        for output in outputs:
            assert output, f"{name} has an output that leads nowhere"
            # the upper node runs first: the response, before the work
            names = [one["node"] for one in output]
            assert names == sorted(names, key=lambda other: NODES[other]["position"][1])
            if name == "Which event?":
                assert names[0] == "Respond 200"
            ways += [(one["node"], responses) for one in output]
        if not outputs and not NODES[name]["type"].endswith(".noOp"):
            assert responses == 1, name
    assert seen == set(NODES)


def test_what_the_guide_asks_for() -> None:
    """The raw body, no ignored bots, a response by a node; an HMAC of the binary property, in hex."""
    webhook = NODES["Webhook"]["parameters"]
    assert (webhook["httpMethod"], webhook["responseMode"]) == ("POST", "responseNode")
    assert webhook["options"] == {"rawBody": True}
    crypto = NODES["HMAC of the raw body"]["parameters"]
    assert (crypto["action"], crypto["type"], crypto["encoding"]) == ("hmac", "SHA256", "hex")
    assert (crypto["binaryData"], crypto["binaryPropertyName"]) == (True, "data")
    page = (GUIDES / "n8n.md").read_text()
    (condition,) = NODES["Is the signature valid?"]["parameters"]["conditions"]["conditions"]
    for side in ("leftValue", "rightValue"):
        assert f"`{condition[side].removeprefix('=')}`" in page


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("secret", [generate_secret(), "as older endpoints have it"], ids=["whsec", "plain text"])
def test_valid_and_other_deliveries(name: str, secret: str) -> None:
    """The HMAC of the bytes is our X-Webhook-Signature; whatever differs from it gets 401."""
    body = BODIES[name].encode()
    headers = signature_headers([secret], "id", int(time.time()), body)
    branch = {"joined": ["A user joined a community"], "1.0": ["A user posted a comment"], "another event": []}[name]
    assert follow(body, headers, secret) == [200, *branch]
    assert follow(body + b" ", headers, secret) == [401]
    assert follow(body, headers, generate_secret()) == [401]
    assert follow(body, {}, secret) == [401]
    assert follow(body, {"X-Webhook-Signature": ""}, secret) == [401]
    assert follow(body, {"X-Webhook-Signature": headers["X-Webhook-Signature"].upper()}, secret) == [401]
