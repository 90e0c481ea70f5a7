"""Commands about this program: schemas, shell completion, tools over MCP."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest._programs import schemas
from inngest_rest._programs.command.execute import client_of
from inngest_rest._programs.command.options import argument, command_line
from inngest_rest._programs.command.parser import command, tree
from inngest_rest._programs.command.renderer import answer
from inngest_rest._programs.command.streams import write_all
from inngest_rest._programs.envelope import Problem
from inngest_rest._table import commands
from inngest_rest._visible import did_you_mean
from inngest_rest.errors import ConfigurationError, InvalidArgumentError
from inngest_rest.record import Record

if TYPE_CHECKING:
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer

SHELLS = ("bash", "zsh", "fish")

_OF_MCP = {"anyio", "mcp", "pydantic"}

_AT_A_TERMINAL = """\
inngest-rest: serving MCP on standard input and output, which is for the host of an agent to start.
Ctrl-C ends it.
"""


@frozen(repr=False)
class Summary(Record):
    """A call in brief; with a space for the dot, its name is the command."""

    name: str
    summary: str
    effect: str
    idempotent: bool

    @property
    def id(self) -> str:
        """What `-o id` prints."""
        return self.name


@frozen(repr=False, kw_only=True)
class Description(Summary):
    """A call in full, with JSON Schemas of `--params` and of what `-o json` prints."""

    description: str
    parameters: dict[str, Any]
    result: dict[str, Any]
    untrusted: list[str]
    examples: list[str]


@command(
    "schema",
    arguments=(argument("name", nargs="*", help="The operation, such as runs.list."),),
    examples=("schema", "schema runs.list -o json", "schema -o table --fields name"),
)
def schema(options: Options, values: dict[str, Any]) -> int:
    """List all operations, or describe one by the JSON Schemas of its parameters and its answer."""
    name = ".".join(values.get("name", ())).replace("-", "_")

    def work(renderer: Renderer) -> int:
        if not name:
            return renderer.many([Summary(**schemas.entry(row)) for row in commands()])
        rows = {row.command: row for row in commands()}
        if name not in rows:
            raise InvalidArgumentError(f"unknown operation {name!r}{did_you_mean(name, rows)}")
        details: dict[str, Any] = schemas.describe(rows[name])
        details["examples"] = [command_line(rows[name], each) for each in rows[name].examples]
        found = Description(**details)
        if renderer.format != "table" or renderer.projection.fields is not None:
            return renderer.one(found)
        renderer.output.line(found.to_json(indent=2))
        return renderer.finish()

    return answer("schema", options, Description if name else Summary, work)


@command(
    "completion",
    arguments=(argument("shell", nargs="?", help="The shell: bash, zsh or fish."),),
    examples=("completion bash",),
)
def completion(_: Options, values: dict[str, Any]) -> int:
    """Print the script by which a shell completes commands, options and their values.

    bash: source <(inngest-rest completion bash)

    zsh: inngest-rest completion zsh > "${fpath[1]}/_inngest-rest"

    fish: inngest-rest completion fish > ~/.config/fish/completions/inngest-rest.fish
    """
    shell = values.get("shell", "")
    if shell not in SHELLS:
        message = f"shell is {shell!r}{did_you_mean(shell, SHELLS)}"
        raise InvalidArgumentError(message, argument="shell")
    import shtab  # noqa: PLC0415 - one command needs it

    return write_all(shtab.complete(tree()[()], shell))


@command(
    "mcp",
    arguments=(
        argument(
            "--read-only",
            action="store_true",
            help="Serve only the tools that change nothing on the server.",
        ),
    ),
    examples=("mcp --read-only",),
)
def mcp(options: Options, values: dict[str, Any]) -> int:
    """Serve the operations as tools of an MCP server, on standard input and output.

    A host of agents starts it, and ends it by closing its input. Keys come from the environment.
    Requires the extra `mcp`.
    """

    def serve(_: Renderer) -> int:
        with client_of(options) as client:
            try:
                from inngest_rest._programs import tools  # noqa: PLC0415 - it takes long to load
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] not in _OF_MCP:
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

    return answer("mcp", options, Problem, serve)
