"""What an agent can call: our command and our tools, in this process, with what each call costs.

Both take the same command lines, so that one path serves both. Costs are the characters of what an
agent writes and reads; a token has about four.
"""

from __future__ import annotations

import io
import json
import os
import shlex
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

from attrs import define, field, frozen

from inngest_rest import InngestClient
from inngest_rest._programs import parameters, tool_schemas, tools
from inngest_rest._programs.command import agent_skill, execute
from inngest_rest._programs.command.arguments import parser_of
from inngest_rest._programs.command.commands import find
from inngest_rest._programs.command.inputs import Inputs
from inngest_rest._programs.command.options import OPTIONS
from inngest_rest._programs.command.program import run
from inngest_rest._programs.cutting import as_text
from inngest_rest._table import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mcp.types import Tool

    from scripts.internal.evaluation.jobs import Job
    from scripts.internal.evaluation.night import Night

ROWS = {row.words: row for row in commands()}

CHARACTERS_OF_TOKEN = 4


class NoWayError(Exception):
    """There is no way to do this on a surface."""


@define
class Surface:
    """What an agent calls for one job.

    Attributes:
        night: The server, and the folder in which the agent works.
        calls: The number of calls so far.
        characters: What it wrote and read for them.
    """

    night: Night
    calls: int = field(default=0, init=False)
    characters: int = field(default=0, init=False)

    def charge(self, written: str, read: str) -> None:
        """Count a call."""
        self.calls += 1
        self.characters += len(written) + len(read)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that name the server, and the key."""
        if self.night.key:
            url = "http://127.0.0.1:8288"
            return {"INNGEST_BASE_URL": url, "INNGEST_SIGNING_KEY": self.night.key}
        return {"INNGEST_DEV": "1"}


@define
class OurSurface(Surface):
    """One that takes the command lines of a job."""

    def do(self, job: Job) -> str:
        """Take the scripted path through a job, and return what the user is told."""
        answers: list[Any] = []
        for line in job.calls:
            answers.append(self.call(line.format(*answers, **self.night.said)))
        return job.tells(answers)

    def call(self, line: str) -> Any:
        """Call what a command line calls, and return its answer."""
        raise NotImplementedError


class Command(OurSurface):
    """`inngest-rest`."""

    def call(self, line: str) -> Any:
        client = partial(InngestClient, transport=self.night.mock.transport)
        output, talk = io.StringIO(), io.StringIO()
        with (
            mock.patch.object(execute, "InngestClient", client),
            mock.patch.dict(os.environ, self.environment),
            chdir(self.night.folder),
            redirect_stdout(output),
            redirect_stderr(talk),
        ):
            run(shlex.split(line))
        self.charge(f"inngest-rest {line}", output.getvalue() + talk.getvalue())
        return json.loads(output.getvalue())


@define
class Tools(OurSurface):
    """The tools over MCP, without the protocol around them."""

    _tools: tools.Tools = field(init=False)

    def __attrs_post_init__(self) -> None:
        with mock.patch.dict(os.environ, self.environment):
            self._tools = tools.Tools(InngestClient(transport=self.night.mock.transport))

    def call(self, line: str) -> Any:
        options, words = parser_of(OPTIONS).parse_known_args(shlex.split(line))
        command = find(words)
        row = ROWS[command.words]
        if not self._tools.call("schema", {"name": row.command}).ok:
            raise NoWayError(row.command)
        typed = command.read(words[len(command.words) :])
        known = {each.name for each in (*tool_schemas.parameters_of(row), parameters.CONFIRM)}
        values = {**vars(options), **Inputs().values(row, typed)}
        given = {name: value for name, value in values.items() if name in known}
        if not row.is_rare:
            return self._answer(row.tool, given)
        answer = self._answer("call", {"name": row.command, "arguments": given})
        if given.get("dry_run") or "confirm" not in answer:
            return answer
        confirmed = {"name": row.command, "arguments": given, "confirm": answer["confirm"]}
        return self._answer("call", confirmed)

    def _answer(self, tool: str, given: Mapping[str, Any]) -> Any:
        # The folder is a root that the host gives.
        envelope = self._tools.call(tool, json.loads(json.dumps(given)), self.night.folder)
        answer = as_text(envelope.to_dict())
        self.charge(f"{tool} {as_text(given)}", answer)
        return json.loads(answer)


@frozen
class Way:
    """A way to do jobs.

    Attributes:
        do: Does a job on a surface of a night, and returns what the user is told.
        surface: Makes the surface.
        loaded: The number of characters that are read before the first call.
    """

    do: Callable[[Any, Job], str]
    surface: Callable[[Night], Surface]
    loaded: int


def size_of(listed: Iterable[Tool]) -> int:
    """Return the number of characters of a list of tools, as a server of MCP sends it."""
    return sum(len(it.model_dump_json(by_alias=True, exclude_none=True)) for it in listed)


def ours() -> dict[str, Way]:
    """Return the ways by our command and our tools."""
    listed = tools.Tools(InngestClient(dev=True)).all()
    return {
        "command": Way(OurSurface.do, Command, len(agent_skill.own_files()["SKILL.md"])),
        "tools": Way(OurSurface.do, Tools, size_of(listed)),
    }
