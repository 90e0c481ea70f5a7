"""The command `mcp`, which starts the MCP server."""

# cyclopts reads annotations here: they are there at run time.
import signal
import sys

from cyclopts import App

from inngest_rest.cli.command import Job, epilogue
from inngest_rest.cli.execution import client_of
from inngest_rest.cli.local_answer import answer_locally
from inngest_rest.cli.options import Options
from inngest_rest.errors import ConfigurationError
from inngest_rest.operations.problems import Problem

_PACKAGES = {"anyio", "mcp", "pydantic"}

_AT_A_TERMINAL = """\
inngest-rest: serving MCP on standard input and output, which is for the host of an agent to start.
Ctrl-C ends it.
"""

app = App(name="mcp", help_epilogue=epilogue("mcp --read-only"))


@app.default
def serve(*, read_only: bool = False) -> Job:
    """Serve the operations as tools of an MCP server, on standard input and output.

    A host of agents starts it, and ends it by closing its input. Keys come from the environment.
    Requires the extra `mcp`.

    Args:
        read_only: Serve only the tools that change nothing on the server.
    """

    def job(options: Options) -> int:
        return answer_locally(
            "mcp", options, Problem, lambda _: _serve(options, read_only=read_only)
        )

    return job


def _serve(options: Options, *, read_only: bool) -> int:
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
        tools.serve(client, read_only=read_only)
    return 0
