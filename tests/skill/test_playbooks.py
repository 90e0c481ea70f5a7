"""Each command of the playbooks does what it is there for, in their order, on a server."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient
from inngest_rest.calls import GROUPS, commands
from inngest_rest_mock import (
    MockServer,
    completes,
    fails,
    sleeps,
    steps,
    waits_for,
    waits_for_event,
)
from inngest_rest_tools.command import agent_skill, execute
from tests.support import agent

if TYPE_CHECKING:
    from inngest_rest_mock import Behaviour, MockEvent

TEXTS = {Path(name).stem: text for name, text in agent_skill.own_files().items() if "/" in name}
BLOCKS = {
    name: [
        line
        for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    for name, text in TEXTS.items()
}


def charge(event: MockEvent) -> Behaviour:
    if event.data.get("gateway") != "down":
        return completes({"charged": 1})
    reset = fails("connect ECONNRESET 10.0.0.7:443", name="ConnectionError")
    return steps(("reserve", completes()), ("pay", reset))


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make the shop of the playbooks the server of every command; return what stands for ids."""
    mock = MockServer()
    mock.function("shop", "charge", trigger="shop/order.created", run=charge)
    mock.function("shop", "import", trigger="shop/row.imported", run=sleeps(timedelta(days=1)))
    approved = waits_for_event("shop/order.approved", timeout=timedelta(days=1))
    mock.function("shop", "approve", trigger="shop/order.held", run=approved)
    mock.function("shop", "sign", trigger="shop/order.signed", run=waits_for("order-1001-approved"))
    client = InngestClient(dev=True, transport=mock.transport)
    client.send([{"name": "shop/row.imported"}] * 3)
    mock.advance(timedelta(minutes=90))
    order, down = {"order": 1001, "customer": "c-2"}, {"gateway": "down"}
    created, *_ = client.send(
        [
            {"name": "shop/order.created", "id": "order-1001", "data": order},
            *({"name": "shop/order.created", "data": {**order, **down}} for _ in range(2)),
            {"name": "shop/order.held"},
            {"name": "shop/order.signed"},
        ]
    )
    monkeypatch.setattr(execute, "InngestClient", partial(InngestClient, transport=mock.transport))
    monkeypatch.setenv("INNGEST_DEV", "1")
    monkeypatch.chdir(tmp_path)
    for name, data in {"order.json": order, "inputs.json": [order, order]}.items():
        Path(name).write_text(json.dumps(data), encoding="utf-8")
    Path("rows.csv").write_text("order,total\n1001,9.5\n", encoding="utf-8")
    line = json.dumps({"name": "shop/order.created", "data": order})
    Path("events.ndjson").write_text(f"{line}\n" * 2, encoding="utf-8")
    ids = {
        status: [run.id for run in mock.runs if run.function_id == function]
        for status, function in (("open", "import"), ("ended", "charge"), ("waiting", "approve"))
    }
    return {
        "EVENT_ID": created,
        "RUN_ID": ids["ended"][1],
        "OTHER_RUN_ID": ids["ended"][0],
        "OPEN_RUN_ID": ids["open"][0],
        "NEW_RUN_ID": ids["open"][1],
        "WAITING_RUN_ID": ids["waiting"][0],
    }


def _input(text: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedReader(io.BytesIO(text.encode())), "utf-8")


@pytest.mark.parametrize("name", BLOCKS)
def test_the_commands_of_a_playbook_succeed_one_after_the_other(
    name: str, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BLOCKS[name]
    for line in BLOCKS[name]:
        output = ""
        for command in line.split(" | "):
            program, *arguments = agent.fill(command, values)
            if program == "cat":
                output = Path(*arguments).read_text(encoding="utf-8")
                continue
            assert program == "inngest-rest", line
            monkeypatch.setattr(sys, "stdin", _input(output))
            status, output = agent.in_process(arguments)
            assert status == 0, (line, output)
        if token := re.search(r'"confirm":"(.+?)"', output):
            values["TOKEN"] = token[1]


@pytest.mark.parametrize("name", TEXTS)
def test_a_playbook_is_short_and_names_commands_that_exist(name: str) -> None:
    assert len(TEXTS[name].encode()) < 2_800
    known = {" ".join(row.words) for row in commands()}
    named = re.findall(rf"`((?:{'|'.join(GROUPS)}) [a-z][a-z-]+)", TEXTS[name])
    assert {each for each in named if each not in known} == set()


def test_the_skill_leads_to_every_playbook() -> None:
    links = re.findall(r"\]\(references/(.+?)\.md\)", agent_skill.own_files()["SKILL.md"])
    assert sorted(links) == sorted(TEXTS)
