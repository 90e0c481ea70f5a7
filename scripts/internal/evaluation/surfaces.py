"""What an agent can call: our command and our tools, in this process, with what each call costs.

Both take the same operations and parameters, so that one path serves both. Costs are the bytes of
what an agent writes and reads; a token has about four.
"""

from __future__ import annotations

import io
import json
import os
import shlex
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

from attrs import define, field, frozen

from inngest_rest import InngestClient
from inngest_rest._programs import parameters, tools
from inngest_rest._programs.command import agent_skill, execute
from inngest_rest._programs.command.command_line import command_line
from inngest_rest._programs.command.program import run
from inngest_rest._programs.cutting import as_text
from inngest_rest._table import commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp.types import Tool

    from scripts.internal.evaluation.jobs import Shop

ROWS = {row.command: row for row in commands()}

BYTES_OF_TOKEN = 4

LIVE = {"runs.watch", "runs.follow"}


class NoWayError(Exception):
    """There is no way to do this on a surface."""


@define
class Surface:
    """What an agent calls for one job.

    Attributes:
        shop: Where the agent works.
        calls: Number of calls so far.
        bytes: Bytes that it wrote and read for them.
    """

    shop: Shop
    calls: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)

    def charge(self, written: str, read: str) -> None:
        """Count a call."""
        self.calls += 1
        self.bytes += len(written.encode()) + len(read.encode())

    def __call__(self, operation: str, **values: Any) -> Any:
        """Call an operation, and return its answer."""
        raise NotImplementedError

    def confirmed(self, operation: str, **values: Any) -> Any:
        """Call an operation on many: see what it would do, then confirm that."""
        shown = self(operation, **values, dry_run=True)
        # The rows have been shown; those that fail are told by the error.
        return self(operation, **values, confirm=shown["data"]["confirm"], fields="counts")

    @property
    def url(self) -> Mapping[str, str]:
        """The variables that name the server, and the keys."""
        if self.shop.keys:
            return {"INNGEST_BASE_URL": "http://127.0.0.1:8288", **self.shop.keys}
        return {"INNGEST_DEV": "1"}


class Command(Surface):
    """`inngest-rest`."""

    def __call__(self, operation: str, **values: Any) -> Any:
        fields = values.pop("fields", None)
        words = shlex.split(command_line(ROWS[operation], values))[1:]
        words += ["--fields", fields] if fields else []
        words += ["-o", "json"] if operation in LIVE else []
        return json.loads(self.run(words))

    def run(self, words: list[str]) -> str:
        """Run the command, and return what it printed."""
        client = partial(InngestClient, transport=self.shop.mock.transport)
        output = io.StringIO()
        with (
            mock.patch.object(execute, "InngestClient", client),
            mock.patch.dict(os.environ, self.url),
            chdir(self.shop.folder),
            redirect_stdout(output),
            redirect_stderr(io.StringIO()),
        ):
            run(words)
        self.charge(shlex.join(["inngest-rest", *words]), output.getvalue())
        return output.getvalue()


@define
class Tools(Surface):
    """The tools over MCP, without the protocol around them."""

    _tools: tools.Tools = field(init=False)

    def __attrs_post_init__(self) -> None:
        with mock.patch.dict(os.environ, self.url):
            self._tools = tools.Tools(InngestClient(transport=self.shop.mock.transport))

    def __call__(self, operation: str, **values: Any) -> Any:
        row = ROWS[operation]
        if not self._tools.call("schema", {"name": operation}).ok:
            raise NoWayError(operation)
        known = {each.name for each in (*tools.parameters_of(row), parameters.CONFIRM)}
        given = {name: it for name, it in values.items() if name in known}
        if not row.is_rare:
            return self._answer(row.tool, given)
        asked = {"name": operation, "arguments": given}
        answer = self._answer("call", asked)
        is_shown = given.get("dry_run") or "confirm" in given
        if is_shown or "confirm" not in answer:
            return answer
        return self._answer("call", {**asked, "confirm": answer["confirm"]})

    def _answer(self, tool: str, given: Mapping[str, Any]) -> Any:
        # The folder is a root that the host gives.
        envelope = self._tools.call(tool, json.loads(json.dumps(given)), self.shop.folder)
        answer = as_text(envelope.to_dict())
        self.charge(f"{tool} {as_text(given)}", answer)
        return json.loads(answer)


ScriptedPath = Callable[[Surface, dict[str, str]], str]
"""Goes through a job by a surface, told what the user names, and returns the answer."""


@frozen
class Way:
    """A surface with the paths by it, and the bytes that are read before the first call."""

    surface: Callable[[Shop], Surface]
    paths: Mapping[int, ScriptedPath]
    loaded: int


def size_of(listed: Iterable[Tool]) -> int:
    """Return the number of bytes of a list of tools, as a server of MCP sends it."""
    return sum(len(it.model_dump_json(by_alias=True, exclude_none=True)) for it in listed)


def ours(paths: Mapping[int, ScriptedPath]) -> dict[str, Way]:
    """Return the ways by our command and our tools, which have the same paths."""
    listed = tools.Tools(InngestClient(dev=True)).all()
    return {
        "command": Way(Command, paths, len(agent_skill.own_files()["SKILL.md"].encode())),
        "tools": Way(Tools, paths, size_of(listed)),
    }
