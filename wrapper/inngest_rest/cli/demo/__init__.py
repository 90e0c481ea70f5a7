"""The command that shows the client at work, on a mock server in this process or on yours."""

# cyclopts reads annotations here: they are there at run time.
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from attrs import evolve
from cyclopts import Parameter

from inngest_rest import InngestClient, RouteNotFoundError, TransportError, __version__
from inngest_rest.cli.command import Job, unwrapped
from inngest_rest.cli.demo.acts import Summary, demonstrate
from inngest_rest.cli.demo.events import FIRST, SAMPLE, read_events
from inngest_rest.cli.demo.screen import Screen
from inngest_rest.cli.demo.shop import shop_server
from inngest_rest.cli.demo.stage import SEARCHED_RUNS, DemoError, Stage
from inngest_rest.cli.demo.words import in_words
from inngest_rest.cli.options import Options
from inngest_rest.cli.own_help import Command
from inngest_rest.cli.talk import Talk
from inngest_rest.operations.envelope import Envelope
from inngest_rest.operations.parameters import ParameterError
from inngest_rest.operations.problems import EXIT_STATUS, Code, Problem, problem_of

SERVER_VARIABLES = (
    "INNGEST_DEV",
    "INNGEST_BASE_URL",
    "INNGEST_API_BASE_URL",
    "INNGEST_EVENT_API_BASE_URL",
)
KEY_VARIABLES = ("INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_API_KEY")

_OFF = {"", "0", "false"}

_HELP = """\
See the client at work in a few seconds: apps, events, runs, replay, cancel, invoke, explain.

Without --base-url or --dev it takes place on a mock server in this process, needs no network and
no key, and changes nothing outside. On a server of your own, which the environment may name, too,
it sends the events of FILE, and changes no runs but those that they start: put in events that start
a function that completes, one that fails and one that takes a while. Keys alone name no server, so
that the demo never uses production by accident.
"""

app = Command(
    name="demo",
    help=unwrapped(_HELP),
    help_epilogue="""\
Examples:
  inngest-rest demo
  inngest-rest demo events.ndjson --dev""",
)


@app.default
def demo(
    file: Annotated[
        Path | None, Parameter(help="Events to send, one JSON object per line; else a sample.")
    ] = None,
    *,
    wait: Annotated[
        float, Parameter(help="Longest wait in seconds for runs to appear, and for one to end.")
    ] = 30.0,
    as_json: Annotated[
        bool,
        Parameter(
            name="--json",
            help="End with the envelope on stdout, as with -o json; the text goes to stderr.",
        ),
    ] = False,
) -> Job:
    """Show the demo, as its help says."""

    def job(options: Options) -> int:
        is_json = as_json or options.output in {"json", "ndjson"}
        screen = Screen(sys.stderr if is_json else sys.stdout, os.environ)
        summary: Summary | None = None
        try:
            summary = _show(screen, file, _checked(wait), options)
            problem = _problem_of_acts(summary)
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, BrokenPipeError):
                raise
            problem = _problem_of(error)
        if is_json:
            _write(summary, problem)
        if problem is None:
            return 0
        Talk().error(problem)
        return EXIT_STATUS[problem.code]

    return job


def _checked(wait: float) -> float:
    if not 0 <= wait < float("inf"):
        raise ParameterError(f"wait is {wait}: it must be a number of seconds", field="wait")
    return wait


def _show(screen: Screen, file: Path | None, wait: float, options: Options) -> Summary:
    """Show all acts, and return what was done."""
    events = read_events(file) if file else [dict(each) for each in SAMPLE]
    began = time.monotonic()
    with ExitStack() as stack:
        stack.callback(screen.clear)
        stage = _stage(stack, screen, wait, events, options)
        summary = demonstrate(stage, events)
    _say_how_it_went(screen, summary, time.monotonic() - began)
    _say_what_is_next(screen, on_mock=not _is_server_named(options))
    return summary


def _stage(
    stack: ExitStack,
    screen: Screen,
    wait: float,
    events: list[dict[str, Any]],
    options: Options,
) -> Stage:
    """Return the stage on the server that is named, or on a mock; `stack` closes the client."""
    keys = [name for name in KEY_VARIABLES if os.environ.get(name)]
    if _is_server_named(options):
        client = stack.enter_context(_client(options, has_keys=bool(keys)))
        _say_where(screen, client.target.api_url)
        return Stage(client, screen, wait)
    events[:0] = [dict(each) for each in FIRST]
    transport = shop_server({each["name"] for each in events}).transport
    client = stack.enter_context(InngestClient(dev=True, transport=transport))
    _say_where(screen, "a mock server in this process")
    if keys:
        screen.say(f"({' and '.join(keys)}: a key alone names no server, so this is the mock)")
    own = transport.inngest_time
    return Stage(client, screen, wait, monotonic=own.monotonic, sleep=own.sleep)


def _client(options: Options, *, has_keys: bool) -> InngestClient:
    is_dev = options.dev or (options.base_url is not None and not has_keys)
    return InngestClient(
        base_url=options.base_url,
        dev=is_dev or None,
        env=options.env,
        timeout=options.request_timeout,
        retries=options.retries,
    )


def _is_server_named(options: Options) -> bool:
    return bool(options.base_url or options.dev or server_variables(os.environ))


def server_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that name a server."""
    given = {name: environ.get(name, "") for name in SERVER_VARIABLES}
    if given["INNGEST_DEV"].lower() in _OFF:
        del given["INNGEST_DEV"]
    return [name for name, value in given.items() if value]


def _say_where(screen: Screen, where: str) -> None:
    screen.say(screen.paint(f"inngest-rest {__version__} on {where}", "title"))


def _say_how_it_went(screen: Screen, summary: Summary, seconds: float) -> None:
    if summary.left_out:
        shown = f"Left out: {', '.join(summary.left_out)}."
    else:
        shown = f"All shown in {in_words(timedelta(seconds=seconds))}."
    runs = summary.runs
    now = ", ".join(f"{count:,} {status}" for status, count in runs.items() if count)
    searched = "at least " if sum(runs.values()) >= SEARCHED_RUNS else ""
    screen.say(f"\n{screen.paint(shown, 'title')} The demo's runs now: {searched}{now}.")


def _say_what_is_next(screen: Screen, *, on_mock: bool) -> None:
    if on_mock:
        screen.say("Next, with events of your own on a dev server:")
        screen.say("  inngest-rest demo --dev events.ndjson")
    else:
        screen.say("Next, the same calls in a program of your own: see README.md.")


def _problem_of_acts(summary: Summary) -> Problem | None:
    """Return that acts were left out, if any were."""
    if not summary.left_out:
        return None
    return Problem(
        Code.PARTIAL,
        f"left out: {', '.join(summary.left_out)}",
        hint="Pass a FILE with events that start functions which complete, fail and take a while.",
    )


def _problem_of(error: BaseException) -> Problem:
    match error:
        case DemoError():
            return Problem(error.code, str(error), hint=error.hint)
        case TransportError():
            hint = (
                "Start a dev server with  npx inngest-cli@latest dev\n"
                "  or do without one, on the mock:  inngest-rest demo"
            )
            return evolve(problem_of(error), hint=hint)
        case RouteNotFoundError():
            hint = "The demo needs a server that lists apps and runs: Inngest 1.40 or newer."
            return evolve(problem_of(error), hint=hint)
        case _:
            return problem_of(error)


def _write(summary: Summary | None, problem: Problem | None) -> None:
    """Write the envelope; event names and outputs are of strangers."""
    data = None if summary is None else summary.to_dict()
    untrusted = ("data.apps", "data.explained") if data else ()
    if problem is None:
        envelope = Envelope(True, "demo", data, untrusted=untrusted)
    else:
        envelope = Envelope.failed("demo", problem, data=data, untrusted=untrusted)
    print(json.dumps(envelope.to_dict(), ensure_ascii=False), flush=True)
