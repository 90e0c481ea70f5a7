"""The command scripts/demo: its arguments, the events it sends and the server it sends them to.

The acts are in demo_acts.py, the output in demo_screen.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import httpx

    from inngest_rest import (
        InngestClient,
        InngestError,
        InvalidEventError,
        PartialSendError,
        RouteNotFoundError,
        TransportError,
        __version__,
    )
    from inngest_rest.testing import Behaviour, MockServer, completes, sleeps
    from scripts.demo_acts import SEARCHED_RUNS, DemoError, Stage, demonstrate
    from scripts.demo_screen import Screen, in_words
except KeyboardInterrupt:  # importing takes the longer part of a short demo
    sys.exit(130)

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = Path(__file__).with_name("demo-events.ndjson")
ORDER = {
    "name": "app/order.created",
    "data": {"orderId": "ord_123", "total": 49.99},
    "user": {"id": "usr_456"},
}
PAYMENT = {"name": "app/order.paid", "data": {"orderId": "ord_123", "total": 49.99}}
"""Sent first on the mock, so that some runs fail, complete and keep running for any FILE, and those
of one event all complete."""
SERVER_VARIABLES = (
    "INNGEST_DEV",
    "INNGEST_BASE_URL",
    "INNGEST_API_BASE_URL",
    "INNGEST_EVENT_API_BASE_URL",
)
KEY_VARIABLES = ("INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_API_KEY")
OFF = {"", "0", "false"}
ACTS = {
    "replayed": "replay",
    "cancelled": "cancel",
    "invoked": "invoke",
    "awaited": "send and wait",
    "replayed_all": "replay all",
}
"""The acts that are left out if no run is suitable, by their keys in the summary."""

DESCRIPTION = """\
Shows inngest-rest at work in a few seconds: lists apps, sends events, lists the runs
they start, replays one that failed, cancels one that is running, invokes a function
and waits for its output, sends an event and waits for its runs, explains why another
started none, and replays all that failed. The code of each act stands beside it.

Without --url it starts a mock server, where all of that is sure to work: it needs no
Inngest and no key, and no network once its environment is made."""

EPILOG = """\
try:
  scripts/demo
  scripts/demo --url http://127.0.0.1:8288 events.ndjson
  scripts/demo --json 2>/dev/null | jq .runs

a server of your own:
  Set by --url, or else by INNGEST_DEV (1 or a URL), INNGEST_BASE_URL,
  INNGEST_API_BASE_URL or INNGEST_EVENT_API_BASE_URL. Keys are read from
  INNGEST_EVENT_KEY, INNGEST_SIGNING_KEY and INNGEST_API_KEY; a dev server needs none.
  Keys alone do not select a server, so the demo never uses production by accident.

  Put events into FILE that trigger your functions, ideally one for a function that
  completes, one for a function that fails and one for a function that takes a while:

      {"name": "app/ok", "data": {"orderId": "ord_1"}}
      {"name": "app/boom", "data": {}}
      {"name": "app/slow", "data": {}}

  The demo sends these events once, and one whose runs completed once more. Of the runs
  they start it replays those that failed and cancels one, and it invokes the function of
  a completed one with the same data: a function of yours may run up to four times. It
  also sends an event that no function listens to. No other runs are touched.

FILE:
  One JSON object per line: "name", and optionally "data", "user", "ts" (milliseconds),
  "v" and "id" (an idempotency key: events with the same id start a function once in 24
  hours). The whole file is checked before anything is sent.

colour:
  On a terminal. NO_COLOR=1 turns it off, FORCE_COLOR=1 turns it on in a pipe.

exit status:
  0 everything was shown; 1 the server refused or something had to be left out, for the
  reason shown; 2 the command or FILE is wrong and nothing was sent; 130 interrupted.
"""


class BankError(Exception):
    """The error of a failed run of the mock's shop."""


class WrongFileError(Exception):
    """FILE cannot be sent; nothing was sent."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    screen = Screen(sys.stderr if options.json else sys.stdout, os.environ)
    try:
        events = read_events(options.file)
        began = time.monotonic()
        with ExitStack() as stack:
            stack.callback(screen.clear)
            client = connect(stack, options, events, screen)
            summary = demonstrate(Stage(client, screen, options.wait), events)
        left_out = [act for key, act in ACTS.items() if summary[key] is None]
        say_how_it_went(screen, summary["runs"], left_out, time.monotonic() - began)
        say_what_is_next(screen, on_mock=not (options.url or server_variables()))
        if options.json:
            print(json.dumps(summary))
    except WrongFileError as error:
        return fail(2, str(error))
    except DemoError as error:
        return fail(1, str(error))
    except InngestError as error:
        return fail(1, f"{type(error).__name__}: {error}{next_step(error)}")
    except BrokenPipeError:  # the reader has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return fail(130, "interrupted")
    return 1 if left_out else 0


def fail(status: int, reason: str) -> int:
    print(f"demo: {reason}", file=sys.stderr)
    return status


def next_step(error: InngestError) -> str:
    """Return what to do about an error, beyond its own message."""
    if isinstance(error, TransportError):
        return (
            "\n  Start a dev server with  npx inngest-cli@latest dev"
            "\n  or do without one, on the mock:  scripts/demo"
        )
    if isinstance(error, RouteNotFoundError):
        return "\n  The demo needs a server that lists apps and runs: Inngest 1.40 or newer."
    return ""


def say_how_it_went(
    screen: Screen, runs: dict[str, int], left_out: list[str], seconds: float
) -> None:
    if left_out:
        shown = f"Left out: {', '.join(left_out)}."
    else:
        shown = f"All shown in {in_words(timedelta(seconds=seconds))}."
    now = ", ".join(f"{count:,} {status}" for status, count in runs.items() if count)
    searched = "at least " if sum(runs.values()) >= SEARCHED_RUNS else ""
    screen.say(f"\n{screen.paint(shown, 'title')} The demo's runs now: {searched}{now}.")


def say_what_is_next(screen: Screen, *, on_mock: bool) -> None:
    if on_mock:
        screen.say("Next, with events of your own on a dev server (scripts/demo --help shows how):")
        screen.say("  scripts/demo --url http://127.0.0.1:8288 events.ndjson")
    else:
        screen.say("Next, the same calls in a program of your own: see README.md.")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        default=SAMPLE,
        help=f"events to send, one JSON object per line (default: scripts/{SAMPLE.name})",
    )
    parser.add_argument("--url", type=base_url, help="a server of your own, such as a dev server")
    parser.add_argument(
        "--wait",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="longest wait for runs to appear, and for a run to end (default: 30)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="end with one JSON object on stdout; the readable text goes to stderr",
    )
    return parser.parse_args(arguments)


def base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{value!r} must begin with http:// or https://")
    return value


def seconds(value: str) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of seconds")
    return number


# Events: all are read and checked before the first is sent.


def read_events(path: Path) -> list[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongFileError(f"{path}: {error.strerror}") from None
    events: list[dict[str, Any]] = []
    places: list[str] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            event = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            raise WrongFileError(f"{place}: not JSON: {error}") from None
        if not isinstance(event, dict):
            raise WrongFileError(f"{place}: not a JSON object; write one event per line")
        events.append(event)
        places.append(place)
    if not events:
        raise WrongFileError(f"{path}: no events; write one JSON object per line")
    rehearse(events, places)
    return events


def rehearse(events: list[dict[str, Any]], places: list[str]) -> None:
    """Send the events to a mock in this process first: it rejects what a server would reject."""
    with InngestClient(
        event_key="rehearsal", base_url="http://localhost", transport=MockServer().transport
    ) as client:
        try:
            client.send(events)
        except InvalidEventError as error:
            reason = f"not a valid event: {error.reason}"
            raise WrongFileError(f"{places[error.position]}: {reason}") from None
        except PartialSendError as error:
            refused = error.report.failures[0]
            reason = f"the server would reject this event: {refused.reason}"
            raise WrongFileError(f"{places[refused.position]}: {reason}") from None


# Servers: the one that was named, or a mock of the demo's own.


def connect(
    stack: ExitStack, options: argparse.Namespace, events: list[dict[str, Any]], screen: Screen
) -> InngestClient:
    """Connect to the server that was named, or start the mock; `stack` closes them."""
    variables = server_variables()
    keys = [name for name in KEY_VARIABLES if os.environ.get(name)]
    if options.url:
        where = options.url
        client = InngestClient(base_url=options.url, dev=not keys)
    elif variables:
        where = f"the server of {' and '.join(variables)}"
        client = InngestClient()
    else:
        events[:0] = [ORDER, PAYMENT]
        url = stack.enter_context(shop_server({event["name"] for event in events}).serve())
        where = f"a mock server at {url}"
        # Its own transport, so that proxies set in the environment are not used for it.
        client = InngestClient(base_url=url, dev=True, transport=httpx.HTTPTransport())
    screen.say(screen.paint(f"inngest-rest {__version__} on {where}", "title"))
    if keys and not options.url and not variables:
        screen.say(f"({' and '.join(keys)}: a key alone names no server, so this is the mock)")
    return stack.enter_context(client)


def server_variables() -> list[str]:
    """List the variables that set a server."""
    given = {name: os.environ.get(name, "") for name in SERVER_VARIABLES}
    if given["INNGEST_DEV"].lower() in OFF:
        del given["INNGEST_DEV"]
    return [name for name, value in given.items() if value]


def shop_server(names: set[str]) -> MockServer:
    """Return a server with the functions of a small shop, and one for each other event name."""
    # As slow as a real server to show events and runs, and without routes that no server has.
    mock = MockServer(visibility_delay=timedelta(milliseconds=250))
    declined: set[str] = set()

    def charge_card(event: dict[str, Any]) -> object:
        if event["id"] in declined:
            return {"charged": event["data"].get("total")}
        declined.add(event["id"])
        return sleeps(timedelta(milliseconds=180), decline)

    def decline(_: dict[str, Any]) -> object:
        raise BankError("no reply")

    def soon(milliseconds: int, output: object) -> Behaviour:
        return sleeps(timedelta(milliseconds=milliseconds), completes(output))

    order, paid, signup = "app/order.created", "app/order.paid", "app/user.signed_up"
    mock.function("mail", "welcome", trigger=signup, run=soon(62, {"sent": True}))
    mock.function("mail", "ask-for-review", trigger=order, run=sleeps(timedelta(days=14)))
    mock.function("shop", "reserve-stock", trigger=order, run=soon(34, {"reserved": 1}))
    mock.function("shop", "ship-order", trigger=order, run=sleeps(timedelta(days=1)))
    mock.function("shop", "charge-card", trigger=order, run=charge_card)
    mock.function("shop", "book-payment", trigger=paid, run=completes({"booked": True}))
    for number, name in enumerate(sorted(names - {order, paid, signup}), start=1):
        slug = re.sub(r"\W+", "-", name.lower(), flags=re.ASCII).strip("-")[:40]
        id = f"{slug or 'on'}-{number}"
        mock.function("yours", id, trigger=name, run=completes({"ok": True}))
    return mock


if __name__ == "__main__":
    sys.exit(main())
