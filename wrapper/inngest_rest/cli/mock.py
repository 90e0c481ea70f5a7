"""The command that serves a mock server."""

# cyclopts reads annotations here: they are there at run time.
import signal
import threading
from datetime import timedelta
from typing import Annotated, Any

from attrs import frozen
from cyclopts import Parameter

from inngest_rest.cli.answer import Answer
from inngest_rest.cli.command import Job, unwrapped
from inngest_rest.cli.options import Options
from inngest_rest.cli.output import Output
from inngest_rest.cli.own_help import Command
from inngest_rest.operations.parameters import ParameterError
from inngest_rest.operations.problems import Code, Problem, problem_of
from inngest_rest.record import Record
from inngest_rest.testing import Behaviour, EventDict, MockServer, completes, fails, sleeps

DEFAULT_PORT = 8288

_LAST_PORT = 65_535
_MOST_CHARGED = 100

_HELP = """\
Serve a mock server with an app `shop`, until Ctrl-C or SIGTERM.

It needs no key, keeps all in memory, and takes events and calls as a dev server does.
"""

app = Command(
    name="mock",
    help=unwrapped(_HELP),
    help_epilogue="""\
Examples:
  inngest-rest mock
  inngest-rest mock --port 0 --release 1.17""",
)


@frozen(repr=False)
class MockFunction(Record):
    """A function of the mock server.

    Attributes:
        app: Its app.
        id: Its id within the app.
        trigger: The name of the event that starts it.
        does: What its runs do.
    """

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
    """A mock server that is there until the command ends.

    Attributes:
        url: Its base URL.
        functions: Its functions.
    """

    url: str
    functions: tuple[MockFunction, ...]


@app.default
def mock(
    *,
    port: Annotated[int, Parameter(help="The port; 0 for any that is free.")] = DEFAULT_PORT,
    host: Annotated[str, Parameter(help="The address of this machine to listen on.")] = "127.0.0.1",
    release: Annotated[
        str | None, Parameter(help="The release of Inngest to be, such as 1.17; else the newest.")
    ] = None,
) -> Job:
    """Serve the mock server, as its help says."""

    def job(options: Options) -> int:
        answer: Answer | None = None
        try:
            answer = Answer.local("mock", options, Served)
            if not 0 <= port <= _LAST_PORT:
                raise ParameterError(f"port must be from 0 to {_LAST_PORT}", field="port")
            server = MockServer() if release is None else MockServer(release=release)
            add_shop(server)
            with server.serve(port, host=host) as url:
                _announce(Served(url, FUNCTIONS), answer)
                _wait_for_the_end()
        except (ImportError, OSError, ValueError) as error:
            answer = answer or Answer("mock", "json")
            return answer.fail(_problem_of(error, port))
        answer.talk.hint(f"{len(server.events):,} events, {len(server.requests):,} requests.")
        return 0

    return job


def add_shop(server: MockServer) -> None:
    """Add the functions that the pages of the documentation speak of."""
    does: dict[str, Any] = {
        "charge": _charge,
        "ship": sleeps(timedelta(days=1)),
        "receipt": completes({"mailed": True}),
    }
    for each in FUNCTIONS:
        server.function(each.app, each.id, trigger=each.trigger, run=does[each.id])


def _charge(event: EventDict) -> Behaviour:
    total = event["data"].get("total", 0)
    if isinstance(total, int | float) and total > _MOST_CHARGED:
        return fails("card declined")
    return completes({"charged": total})


def _announce(served: Served, answer: Answer) -> None:
    """Say where the server is, and what to do with it."""
    if answer.format != "table":
        answer.one(served)
        return
    lines = [f"A mock server of Inngest is at {served.url}, until Ctrl-C. Its functions:", ""]
    lines += [
        f"  {f'{each.app}/{each.id}':<14}  {each.trigger:<18}  {each.does}"
        for each in served.functions
    ]
    lines += ["", "In another terminal:", ""]
    lines += [
        f"  export INNGEST_DEV={served.url}",
        """  inngest-rest send app/order.created --data '{"total": 900}'""",
        "  inngest-rest runs list",
    ]
    _write("\n".join(lines), answer.output)


def _write(text: str, output: Output) -> None:
    output.line(text)
    output.close()


def _wait_for_the_end() -> None:
    """Wait for Ctrl-C or SIGTERM, either of which is the way to end this."""
    ended = threading.Event()

    def end(_signal: int, _frame: object) -> None:
        ended.set()

    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        ended.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _problem_of(error: Exception, port: int) -> Problem:
    match error:
        case ParameterError():
            return problem_of(error)
        case ImportError():
            return Problem(
                Code.UNEXPECTED,
                f"the mock server needs a package that is not installed: {error.name}",
                hint="Install it with: pip install 'inngest-rest[mock]'",
            )
        case OSError():
            return Problem(
                Code.USAGE,
                f"cannot listen on port {port}: {error}",
                hint="--port 0 takes any port that is free.",
                field="port",
            )
        case _:
            return Problem(Code.USAGE, str(error), field="release")
