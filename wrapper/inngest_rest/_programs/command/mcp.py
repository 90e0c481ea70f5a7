"""The command `mcp`, which starts the MCP server."""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from inngest_rest._programs.command.execute import client_of
from inngest_rest._programs.command.options import argument
from inngest_rest._programs.command.parser import Command
from inngest_rest._programs.command.renderer import answer
from inngest_rest._programs.envelope import Problem
from inngest_rest.errors import ConfigurationError

if TYPE_CHECKING:
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer

_PACKAGES = {"anyio", "mcp", "pydantic"}

_AT_A_TERMINAL = """\
inngest-rest: serving MCP on standard input and output, which is for the host of an agent to start.
Ctrl-C ends it.
"""


def _run(options: Options, values: dict[str, Any]) -> int:
    return answer("mcp", options, Problem, partial(_serve, options, values))


def _serve(options: Options, values: dict[str, Any], _: Renderer) -> int:
    with client_of(options) as client:
        try:
            from inngest_rest._programs import tools  # noqa: PLC0415 - it takes long to load
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _PACKAGES:
                raise
            raise ConfigurationError(
                "the MCP server needs packages that are not installed (no module named "
                f"{error.name}): pip install 'inngest-rest[mcp]'"
            ) from None
        if sys.stdin.isatty():
            sys.stderr.write(_AT_A_TERMINAL)
        # Otherwise Ctrl-C would wait for the thread that reads the input.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        tools.serve(client, read_only="read_only" in values)
    return 0


COMMANDS = (
    Command(
        words=("mcp",),
        description="""\
Serve the operations as tools of an MCP server, on standard input and output.

A host of agents starts it, and ends it by closing its input. Keys come from the environment.
Requires the extra `mcp`.""",
        arguments=(
            argument(
                "--read-only",
                action="store_true",
                help="Serve only the tools that change nothing on the server.",
            ),
        ),
        examples=("inngest-rest mcp --read-only",),
        run=_run,
    ),
)
