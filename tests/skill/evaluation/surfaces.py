"""What an agent can call: the command and the tools, with what calls cost.

Both take the same command lines, so that one path serves both. Costs are the characters of
what an agent writes and reads; a token has about four.
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

from inngest_rest import InngestClient
from inngest_rest.calls import commands
from inngest_rest_tools import parameters, tool_schemas, tools
from inngest_rest_tools.command import execute
from inngest_rest_tools.command.arguments import parser_of
from inngest_rest_tools.command.commands import find
from inngest_rest_tools.command.inputs import Inputs
from inngest_rest_tools.command.options import OPTIONS
from inngest_rest_tools.command.program import run
from inngest_rest_tools.cutting import as_text
from tests.skill.evaluation.jobs import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.skill.evaluation.jobs import Job
    from tests.skill.evaluation.night import Night

ROWS = {row.words: row for row in commands()}

URL = "http://127.0.0.1:8288"

CHARACTERS_OF_TOKEN = 4


class NoWayError(Exception):
    """There is no way to do this on a surface."""


class Surface:
    """What an agent calls for one job.

    Args:
        night: The server, and the folder in which the agent works.

    Attributes:
        calls: The number of calls so far.
        characters: What was written and read for them.
    """

    def __init__(self, night: Night) -> None:
        self.night = night
        self.calls = 0
        self.characters = 0

    def follow(self, job: Job) -> str:
        """Take the scripted path through a job, and return what the user is told."""
        answers: list[Any] = []
        for line in job.calls:
            calls = render(line, self.night, answers).splitlines()
            answers += [self.call(call) for call in calls]
        return render(job.tells, self.night, answers) if job.tells else json.dumps(answers[-1])

    def call(self, line: str) -> Any:
        """Make a call, and return its answer."""
        raise NotImplementedError

    @property
    def tokens(self) -> int:
        return self.characters // CHARACTERS_OF_TOKEN

    def charge(self, written: str, read: str) -> None:
        """Count a call."""
        self.calls += 1
        self.characters += len(written) + len(read)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that name the server, and the key."""
        if self.night.key:
            return {"INNGEST_BASE_URL": URL, "INNGEST_SIGNING_KEY": self.night.key}
        return {"INNGEST_DEV": "1"}


class Command(Surface):
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


class Tools(Surface):
    """The tools over MCP, without the protocol around them."""

    def __init__(self, night: Night) -> None:
        super().__init__(night)
        with mock.patch.dict(os.environ, self.environment):
            self._tools = tools.Tools(InngestClient(transport=night.mock.transport))

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


SURFACES = {"command": Command, "tools": Tools}
