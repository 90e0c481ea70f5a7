"""An agent that knows the skill alone: it does what a user wants by the commands of SKILL.md."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import jsonschema

from tests.support.answers import read

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

_ROW = re.compile(r"^\| (.+?) \| `inngest-rest (.+?)` \|$", re.MULTILINE)

# What a command must not hold any more when it is run.
_PLACEHOLDER = re.compile(r"[A-Z_]+_ID|TOKEN")


class Ran(NamedTuple):
    """A command that ended."""

    status: int
    output: str


Execute = Callable[[Sequence[str]], Ran]
"""Runs `inngest-rest` with arguments."""


def in_process(arguments: Sequence[str]) -> Ran:
    """Run the command in this process, by the environment of it."""
    from inngest_rest_tools.command.program import run  # noqa: PLC0415 - other agents need no such import

    output, talk = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(talk):
        status = run(arguments)
    return Ran(status, output.getvalue())


def installed(command: Path, environment: Mapping[str, str]) -> Execute:
    """Return what runs a command that is installed, in a process of its own."""

    def execute(arguments: Sequence[str]) -> Ran:
        ended = subprocess.run(
            [command, *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ran(ended.returncode, ended.stdout)

    return execute


def rows_of(skill: str) -> dict[str, str]:
    """Return what the table of a skill says to run, by what the user wants."""
    return dict(_ROW.findall(skill))


def fill(command: str, values: Mapping[str, str]) -> list[str]:
    """Return the arguments of a command, with what stands for other things replaced."""
    arguments = [values.get(each, each) for each in shlex.split(command)]
    assert not any(map(_PLACEHOLDER.fullmatch, arguments)), arguments
    return arguments


class Agent:
    """Does jobs through the command, and holds each answer to the schema of its operation.

    Args:
        execute: Runs the command.
        values: What to put in the place of the examples of the skill in every command.
    """

    def __init__(self, execute: Execute, values: Mapping[str, str] | None = None) -> None:
        self._execute = execute
        self._values = values or {}
        self._commands = rows_of(execute(["skill", "show"]).output)
        self._schemas: dict[str, Any] = {}

    def do(self, want: str, **values: str) -> Any:
        """Do what the user wants, and return the data of the answer.

        Args:
            want: It, in the words of the skill's table.
            values: What to put in the place of examples, too, such as `RUN_ID`.
        """
        arguments = fill(self._commands[want], {**self._values, **values})
        ran = self._execute(arguments)
        answer = read(ran.output)
        if arguments[0] != "schema":
            jsonschema.Draft202012Validator(self._schema(answer["command"])).validate(
                answer["data"]
            )
        assert (ran.status, answer["ok"]) == (0, True), answer["error"]
        return answer["data"]

    def _schema(self, name: str) -> Any:
        """Return the schema of the data of an operation's answers, as the command states it."""
        if name not in self._schemas:
            ran = self._execute(["schema", name, "--fields", "*", "-o", "json"])
            assert ran.status == 0, ran.output
            self._schemas[name] = json.loads(ran.output)["data"]["result"]
        return self._schemas[name]


class Shop(NamedTuple):
    """A server on which an agent has jobs to do.

    Attributes:
        app: The app, with functions `echoes`, `fails` and `sleeps`, which events of the same name
            start.
        since: The beginning of the window to look into: a server's clock may be another.
        pause: Lets a second pass.
    """

    app: str
    since: str
    pause: Callable[[], object]


ATTEMPTS = 40


def play(execute: Execute, shop: Shop, folder: Path) -> None:
    """Do the jobs that an agent is asked for, one after the other.

    They are: send one event, send 600 from a file, list what failed, get one, cancel one that is
    running, replay one that failed, and list apps.
    """
    data = folder / "data.json"
    data.write_text(json.dumps({"order": 1}), encoding="utf-8")
    file = folder / "many.ndjson"
    lines = [json.dumps({"name": f"{shop.app}/nothing", "data": {"n": n}}) for n in range(600)]
    file.write_text("\n".join(lines), encoding="utf-8")
    agent = Agent(
        execute,
        {"shop": shop.app, "2h": shop.since, "@order.json": f"@{data}", "events.ndjson": str(file)},
    )

    def eventually(ask: Callable[[], T | None]) -> T:
        for _ in range(ATTEMPTS):
            if found := ask():
                return found
            shop.pause()
        raise AssertionError(f"nothing after {ATTEMPTS} attempts")

    def run_of(function: str) -> Any:
        name = f"{shop.app}/{function}"
        values = {"shop/order.created": name, "order-1001": f"{shop.since} {function}"}
        sent = agent.do("send one event, safe to send again", **values)
        assert sent["accepted"] == 1
        (event_id,) = sent["ids"]

        def runs() -> Any:
            return agent.do("list the runs that an event started", EVENT_ID=event_id)["items"]

        (run,) = eventually(runs)
        return run["id"]

    def get(run_id: str) -> Any:
        return agent.do("show one run, its output or error", RUN_ID=run_id)

    def ended(run_id: str, status: str) -> Any:
        return eventually(lambda: run if (run := get(run_id))["status"] == status else None)

    completed = ended(run_of("echoes"), "completed")
    assert completed["output"] is not None

    many = agent.do("send many events from a file")
    assert (many["accepted"], many["rejected"], many["unknown"]) == (600, 0, 0)

    failed = ended(run_of("fails"), "failed")
    assert failed["error"]
    listed = eventually(
        lambda: [it for it in agent.do("list recent failures")["items"] if it["id"] == failed["id"]]
    )
    assert listed[0]["status"] == "failed"

    running = run_of("sleeps")
    assert agent.do("cancel one run", RUN_ID=running)["counts"] == {"done": 1}
    ended(running, "cancelled")

    (replayed,) = agent.do("replay one run", RUN_ID=failed["id"])["rows"]
    assert replayed["new_run_id"] not in {None, failed["id"]}
    ended(replayed["new_run_id"], "failed")

    assert shop.app in {it["id"] for it in agent.do("list apps")["items"]}
