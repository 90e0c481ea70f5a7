"""The command that serves a mock server."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest._programs.command.options import argument
from inngest_rest._programs.command.program import command
from inngest_rest._programs.command.renderer import answer
from inngest_rest._programs.parameters import refused
from inngest_rest._programs.problems import Code, Problem
from inngest_rest.record import Record
from inngest_rest.testing import Behaviour, MockEvent, MockServer, completes, fails, sleeps

if TYPE_CHECKING:
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer

DEFAULT_PORT = 8288
_LAST_PORT = 65_535
_MOST_CHARGED = 100


@frozen(repr=False)
class MockFunction(Record):
    """A function of the mock server, with what its runs do."""

    app: str
    id: str
    trigger: str
    does: str


FUNCTIONS = (
    MockFunction("shop", "charge", "app/order.created", "fails if data.total is above 100"),
    MockFunction("shop", "ship", "app/order.created", "sleeps for a day"),
    MockFunction("shop", "receipt", "app/order.paid", "completes"),
)


@frozen(repr=False)
class Served(Record):
    """A mock server that is there until the command ends."""

    url: str
    functions: tuple[MockFunction, ...] = FUNCTIONS


@command(
    "mock",
    arguments=(
        argument(
            "--port", type=int, help=f"The port; 0 for any that is free. By default {DEFAULT_PORT}."
        ),
        argument("--host", help="The address to listen on. By default 127.0.0.1."),
        argument("--release", help="The release of Inngest to be, such as 1.17; else the newest."),
    ),
    examples=("mock", "mock --port 0 --release 1.17"),
)
def mock(options: Options, values: dict[str, Any]) -> int:
    """Serve a mock server with an app `shop`, until Ctrl-C or SIGTERM.

    It needs no key, keeps all in memory, and takes events and calls as a dev server does.
    """
    port, release = values.get("port", DEFAULT_PORT), values.get("release")

    def work(renderer: Renderer) -> int:
        if not 0 <= port <= _LAST_PORT:
            raise refused("port", f"this must be from 0 to {_LAST_PORT}")
        try:
            server = MockServer() if release is None else MockServer(release=release)
            add_shop(server)
            with server.serve(port, host=values.get("host", "127.0.0.1")) as url:
                _announce(url, renderer)
                _wait_for_the_end()
        except ImportError as error:
            message = f"the mock server needs a package that is not installed: {error.name}"
            hint = "Install it with: pip install 'inngest-rest[mock]'"
            return renderer.finish(Problem(Code.UNEXPECTED, message, hint=hint))
        except OSError as error:
            reason = f"cannot listen on {port}: {error}; --port 0 takes any free port"
            raise refused("port", reason) from None
        except ValueError as error:
            raise refused("release", str(error)) from None
        renderer.stderr.hint(f"{len(server.events):,} events, {len(server.requests):,} requests.")
        return 0

    return answer("mock", options, Served, work)


def add_shop(server: MockServer) -> None:
    """Add the functions that the pages of the documentation speak of."""
    does: dict[str, Any] = {
        "charge": _charge,
        "ship": sleeps(timedelta(days=1)),
        "receipt": completes({"mailed": True}),
    }
    for each in FUNCTIONS:
        server.function(each.app, each.id, trigger=each.trigger, run=does[each.id])


def _charge(event: MockEvent) -> Behaviour:
    total = event.data.get("total", 0)
    if isinstance(total, int | float) and total > _MOST_CHARGED:
        return fails("card declined")
    return completes({"charged": total})


def _announce(url: str, renderer: Renderer) -> None:
    if renderer.format != "table":
        renderer.finish(data=Served(url))
        return
    functions = "\n".join(
        f"  {f'{each.app}/{each.id}':<14}  {each.trigger:<18}  {each.does}" for each in FUNCTIONS
    )
    renderer.output.line(f"""\
A mock server of Inngest is at {url}, until Ctrl-C. Its functions:

{functions}

In another terminal:

  export INNGEST_DEV={url}
  inngest-rest send app/order.created --data '{{"total": 900}}'
  inngest-rest runs list""")
    renderer.output.close()


def _wait_for_the_end() -> None:
    """Wait for Ctrl-C or SIGTERM, either of which is the way to end this."""
    ended, signals = threading.Event(), (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, lambda _number, _frame: ended.set()) for each in signals}
    try:
        ended.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
