"""What an agent can call: our command, our tools, and the vendor's routes, with what calls cost.

The first two take the same command lines, so that one path serves both. Costs are the characters of
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

import httpx

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
from scripts.internal.evaluation.jobs import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.internal.evaluation.jobs import Job
    from scripts.internal.evaluation.night import Night

ROWS = {row.words: row for row in commands()}

URL = "http://127.0.0.1:8288"


OPERATIONS = {
    "list_runs": ("GET", "/v2/runs"),
    "get_run": ("GET", "/v2/runs/{runId}"),
    "get_run_trace": ("GET", "/v2/runs/{runId}/trace"),
    "get_event_runs": ("GET", "/v2/events/{eventId}/runs"),
    "list_functions": ("GET", "/v2/apps/{appId}/functions"),
    "rerun": ("POST", "/v2/runs/{runId}/rerun"),
    "cancel_run": ("POST", "/v2/runs/{runId}/cancel"),
    "send_event": ("POST", "/v2/events"),
    "invoke_function": ("POST", "/v2/apps/{appId}/functions/{functionId}/invoke"),
}
"""The routes of v2, by the names of the vendor's operations."""


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

    @staticmethod
    def loaded() -> int:
        """Return how many characters are read before the first call."""
        return 0

    def follow(self, job: Job) -> str:
        """Take the scripted path through a job, and return what the user is told."""
        return self.tell(job.calls, job.tells)

    def tell(self, lines: list[str], tells: str) -> str:
        """Make the calls of these lines, and return what the user is told."""
        answers: list[Any] = []
        for line in lines:
            calls = render(line, self.night, answers).splitlines()
            answers += [self.call(call) for call in calls]
        return render(tells, self.night, answers) if tells else json.dumps(answers[-1])

    def call(self, line: str) -> Any:
        """Make a call, and return its answer."""
        raise NotImplementedError

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

    @staticmethod
    def loaded() -> int:
        return len(agent_skill.own_files()["SKILL.md"])

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

    @staticmethod
    def loaded() -> int:
        listed = tools.Tools(InngestClient(dev=True)).all()
        return sum(len(each.model_dump_json(by_alias=True, exclude_none=True)) for each in listed)

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


class Routes(Surface):
    """The routes of v2, which the vendor's command `inngest api` and its tools call.

    What they cost is a request's arguments and its answer, which that command prints with more
    blanks. Nothing has to be read first.
    """

    def follow(self, job: Job) -> str:
        if job.routes is None:
            raise NoWayError(job.name)
        return self.tell(job.routes, job.routes_tell)

    def call(self, line: str) -> Any:
        operation, *arguments = shlex.split(line)
        values = {}
        for argument in arguments:
            name, _, text = argument.partition("=")
            values[name] = json.loads(text) if text[0] in "[{t" else text
        method, path = OPERATIONS[operation]
        rest = {name: value for name, value in values.items() if f"{{{name}}}" not in path}
        query, body = (rest, None) if method == "GET" else (None, rest)
        with httpx.Client(transport=self.night.mock.transport, base_url=URL) as client:
            answer = client.request(method, path.format(**values), params=query, json=body)
        self.charge(f"{operation} {json.dumps(values)}", answer.text)
        self.night.pass_time(seconds=1)  # until the run of what was sent can be seen
        return answer.json()


SURFACES = {"command": Command, "tools": Tools, "vendor's routes": Routes}
