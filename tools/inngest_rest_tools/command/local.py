"""Commands about this program: schemas, completion, tools over MCP and a mock server."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from inngest_rest.calls import commands
from inngest_rest.profiles import read_profiles
from inngest_rest.programs import check_choice
from inngest_rest.record import Record
from inngest_rest.responses import Profile
from inngest_rest_tools.command.arguments import Argument, argument
from inngest_rest_tools.command.command_line import command_line
from inngest_rest_tools.command.commands import command
from inngest_rest_tools.parameter import refused

if TYPE_CHECKING:
    from inngest_rest.call_row import CallRow
    from inngest_rest_mock import Behaviour, MockEvent, MockServer
    from inngest_rest_tools.command.arguments import Typed
    from inngest_rest_tools.command.options import Options
    from inngest_rest_tools.command.renderer import Renderer


@frozen(repr=False)
class Description(Record):
    """A call, with JSON Schemas of `--params` and of the `data` that `-o json` prints.

    With a space for the dot, its name is the command; `fields` are those that `--fields` takes.
    """

    name: str
    summary: str
    effect: str
    idempotent: bool
    description: str | None = None
    fields: list[str] | None = None
    parameters: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    untrusted: list[str] | None = None
    examples: list[str] | None = None


@command(
    "schema",
    arguments=(argument("name", nargs="*", help="The operation, such as runs.list."),),
    examples=("schema", "schema runs.list -o json", "schema -o table --fields name"),
    kind=Description,
)
def schema(renderer: Renderer, _: Options, typed: Typed) -> int:
    """List all operations, or describe one: its parameters and the fields of its answer.

    --fields '*' adds the JSON Schema of the answer.
    """
    from inngest_rest_tools import schemas  # noqa: PLC0415 - one command needs these
    from inngest_rest_tools.projection import field_paths, record_class  # noqa: PLC0415
    from inngest_rest_tools.untrusted import untrusted_paths  # noqa: PLC0415

    words = typed.get("name", ())
    name = ".".join(words).replace("-", "_")
    rows = {row.command: row for row in commands()}
    if not name:
        descriptions = [_brief_description(row) for row in rows.values()]
        return renderer.many(descriptions)
    check_choice("operation", name, rows)
    row = rows[name]
    parameters = schemas.of_parameters(row)
    about = parameters.pop("description")
    description = evolve(
        _brief_description(row),
        description=about.removeprefix(row.summary).lstrip() or None,
        fields=list(field_paths(record_class(row))),
        parameters=parameters,
        result=schemas.of_data(row),
        untrusted=list(untrusted_paths(row)),
        examples=[command_line(row, example) for example in row.examples],
    )
    return renderer.finish(data=description)


def _brief_description(row: CallRow) -> Description:
    return Description(
        name=row.command,
        summary=row.summary,
        effect=row.effect.value,
        idempotent=row.is_repeatable,
    )


@command(
    "completion",
    arguments=(argument("shell", nargs="?", help="The shell: bash, zsh or fish."),),
    examples=("completion bash",),
)
def completion(renderer: Renderer, _: Options, typed: Typed) -> int:
    """Print the script by which a shell completes commands, options and their values.

    bash: source <(inngest-rest completion bash)

    zsh: inngest-rest completion zsh > "${fpath[1]}/_inngest-rest"

    fish: inngest-rest completion fish > ~/.config/fish/completions/inngest-rest.fish
    """
    import shtab  # noqa: PLC0415 - one command needs it

    from inngest_rest_tools.command.help import parser_for  # noqa: PLC0415 - as help does

    shell = typed.get("shell", "")
    check_choice("shell", shell, ("bash", "zsh", "fish"))
    parser = parser_for((), is_whole=True)
    return renderer.text(shtab.complete(parser, shell))


_SERVING_MCP = (
    "inngest-rest: serving MCP on standard input and output, which is for the host of an agent "
    "to start.\nCtrl-C ends it."
)


@command(
    "mcp",
    arguments=(
        Argument(
            names=("--allow-writes",),
            nargs="?",
            const="true",
            choices=("true", "false"),
            help="Serve the tools that change something on the server, too.",
        ),
        Argument(
            names=("--folder",),
            nargs="*",
            action="extend",
            help="Folder in which tools may read and write files; may be repeated.",
        ),
        Argument(
            names=("--tools",), help="Serve only these groups, such as runs,events."
        ),
    ),
    examples=("mcp --tools runs,events", "mcp --allow-writes --folder ~/inngest"),
)
def mcp(renderer: Renderer, options: Options, typed: Typed) -> int:
    """Serve the operations as tools of an MCP server, on standard input and output.

    A host of agents starts it, and ends it by closing its input. Keys come from the environment.
    Requires the extra `mcp`.
    """
    from inngest_rest_tools.audit import Audit  # noqa: PLC0415 - not for help
    from inngest_rest_tools.command.execute import client_of  # noqa: PLC0415 - not for help

    with client_of(options) as client:
        from inngest_rest_tools import mcp_server  # noqa: PLC0415 - it takes long to load

        if sys.stdin.isatty():
            renderer.stderr.hint(_SERVING_MCP)
        # Otherwise Ctrl-C would wait for the thread that reads the input.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        groups = None
        if "tools" in typed:
            groups = typed["tools"].replace(" ", "").split(",")
        mcp_server.serve(
            client,
            read_only=typed.get("allow_writes") != "true",
            groups=groups,
            audit=Audit(options.audit) if options.audit else None,
            # A bundle passes an empty text where its user has named none.
            folders=[Path(it).expanduser() for it in typed.get("folder", ()) if it],
        )
    return 0


@command("profiles", examples=("profiles",), kind=Profile)
def profiles(renderer: Renderer, _: Options, __: Typed) -> int:
    """List the servers in the file of profiles, with where their keys come from.

    The file is ~/.config/inngest-rest/config.toml, or INNGEST_CONFIG; it never has a key.
    """
    return renderer.many(read_profiles())


DEFAULT_PORT = 8288
_ANNOUNCED = """\
A mock server of Inngest is at {url}, until Ctrl-C. Its functions:

  shop/charge     app/order.created   fails if data.total is above 100
  shop/ship       app/order.created   sleeps for a day
  shop/receipt    app/order.paid      completes

In another terminal:

  export INNGEST_DEV={url}
  inngest-rest send app/order.created --data '{{"total": 900}}'
  inngest-rest runs list"""


@frozen(repr=False)
class Served(Record):
    """A mock server that is there until the command ends."""

    url: str


@command(
    "mock",
    arguments=(
        Argument(
            names=("--port",),
            type=int,
            help=f"The port; 0 for any that is free. By default {DEFAULT_PORT}.",
        ),
        Argument(
            names=("--host",), help="The address to listen on. By default 127.0.0.1."
        ),
        Argument(
            names=("--release",),
            help="The release of Inngest to be, such as 1.38, from 1.30 on; else the newest.",
        ),
    ),
    examples=("mock", "mock --port 0 --release 1.38"),
    kind=Served,
)
def mock(renderer: Renderer, _: Options, typed: Typed) -> int:
    """Serve a mock server with an app `shop`, until Ctrl-C or SIGTERM.

    It needs no key, keeps all in memory, and takes events and calls as a dev server does.
    """
    port = typed.get("port", DEFAULT_PORT)
    release = typed.get("release")
    if not 0 <= port < 2**16:
        raise refused("port", "this must be from 0 to 65535")
    try:
        from inngest_rest_mock import MockServer  # noqa: PLC0415 - a server is slow to load

        server = MockServer() if release is None else MockServer(release=release)
        add_shop(server)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        host = typed.get("host", "127.0.0.1")
        with server.serve(port, host=host) as url, suppress(KeyboardInterrupt):
            if renderer.format == "table":
                renderer.text(_ANNOUNCED.format(url=url))
            else:
                renderer.finish(data=Served(url))
            threading.Event().wait()
    except OSError as error:
        reason = f"cannot listen on {port}: {error}; --port 0 takes any free port"
        raise refused("port", reason) from None
    except ValueError as error:
        raise refused("release", str(error)) from None
    renderer.stderr.hint(
        f"{len(server.events):,} events, {len(server.requests):,} requests."
    )
    return 0


def add_shop(server: MockServer) -> None:
    """Add the functions that the documentation uses."""
    from inngest_rest_mock import completes, fails, sleeps  # noqa: PLC0415

    def charge(event: MockEvent) -> Behaviour:
        total = event.data.get("total", 0)
        if isinstance(total, int | float) and total > 100:
            return fails("card declined")
        return completes({"charged": total})

    ship = sleeps(timedelta(days=1))
    receipt = completes({"mailed": True})
    server.function("shop", "charge", trigger="app/order.created", run=charge)
    server.function("shop", "ship", trigger="app/order.created", run=ship)
    server.function("shop", "receipt", trigger="app/order.paid", run=receipt)
