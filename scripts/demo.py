"""Show the client at work: send events, then list, inspect, replay and cancel their runs.

Exit status: 0 all of it happened; 1 the server would not or could not; 2 the command or FILE is
wrong and nothing was sent; 130 interrupted.

Here is the command: its arguments, its file, its server. What it shows is in demo_acts.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import httpx

    from inngest_rest import InngestClient, InngestError, InvalidEventError, PartialSendError
    from inngest_rest.testing import MockServer, completes, sleeps
    from scripts.demo_acts import DemoError, Stage, demonstrate
except KeyboardInterrupt:  # these take the longer part of a short demo
    sys.exit(130)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAMPLE = Path(__file__).with_name("demo-events.ndjson")
COUNTED = 10_000
"""Most runs counted of each status on a server that is not the demo's own."""
SERVER_VARIABLES = (
    "INNGEST_DEV",
    "INNGEST_BASE_URL",
    "INNGEST_API_BASE_URL",
    "INNGEST_EVENT_API_BASE_URL",
)
KEY_VARIABLES = ("INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_API_KEY")
OFF = {"", "0", "false"}

DESCRIPTION = """\
Sends one event, then a batch of events; lists apps, and runs by status; shows one
run, replays a failed one and cancels a running one.

Without --url it starts a mock server of its own, on which all of that is sure to
work: it needs no Inngest, no key and no network once its environment is made."""

EPILOG = """\
server:
  --url, else the INNGEST_* variables if one of them names a server (INNGEST_DEV=1 or
  a URL, INNGEST_BASE_URL, INNGEST_API_BASE_URL, INNGEST_EVENT_API_BASE_URL), else the
  mock. Keys are read from INNGEST_EVENT_KEY, INNGEST_SIGNING_KEY, INNGEST_API_KEY; a
  dev server needs none. Keys alone choose no server: nobody meets production by chance.

  On a server of yours the first event is named app/order.created and the batch is FILE,
  so put the names your functions listen to into FILE, one of a function that fails and
  one of a function that takes a while:

      {"name": "app/boom", "data": {}}
      {"name": "app/slow", "data": {"orderId": "ord_1"}}

  It replays and cancels runs those events started. On this machine (localhost) it takes
  another run where there is none of these; elsewhere it leaves the runs of others alone.

FILE:
  One JSON object a line: "name", and if you like "data", "user", "ts" (milliseconds),
  "v" and "id" (an idempotency key: the same one starts nothing twice in 24 hours).
  All of it is checked before anything is sent.

exit status:
  0 all of it happened, 1 the server could not (the reason is told), 2 the command or
  FILE is wrong and nothing was sent, 130 interrupted.

examples:
  scripts/demo
  scripts/demo --json events.ndjson | jq .runs
  scripts/demo --url http://127.0.0.1:8288 events.ndjson
"""


class WrongFileError(Exception):
    """FILE cannot be sent, and nothing was."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    text = sys.stderr if options.json else sys.stdout
    try:
        events = read_events(options.file)
        with ExitStack() as stack:
            stage = set_up(stack, options, events, partial(print, file=text, flush=True))
            summary = demonstrate(stage, events, options.file.name)
    except WrongFileError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except InngestError as error:
        print(f"demo: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the text has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(summary))
    return 0


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
        help=f"events to send, one JSON object a line (default: scripts/{SAMPLE.name})",
    )
    parser.add_argument("--url", type=base_url, help="a server of yours, such as a dev server")
    parser.add_argument(
        "--wait",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="longest wait for a run to fail, to start or to end (default: 30)",
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
        raise argparse.ArgumentTypeError(f"{value!r} is no number of seconds")
    return number


# Events: read and checked to the last before the first is sent.


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
            raise WrongFileError(f"{place}: an event is a JSON object, one on each line")
        events.append(event)
        places.append(place)
    if not events:
        raise WrongFileError(f"{path}: no event in it; write one JSON object a line")
    rehearse(events, places)
    return events


def rehearse(events: list[dict[str, Any]], places: list[str]) -> None:
    """Send the events to a mock in this process, so that none is refused once it counts."""
    with InngestClient(
        event_key="rehearsal", base_url="http://localhost", transport=MockServer().transport
    ) as client:
        try:
            client.send(events)
        except InvalidEventError as error:
            reason = f"no valid event: {error.reason}"
            raise WrongFileError(f"{places[error.position]}: {reason}") from None
        except PartialSendError as error:
            refused = error.report.failures[0]
            reason = f"the server would refuse this event: {refused.reason}"
            raise WrongFileError(f"{places[refused.position]}: {reason}") from None


# Servers: the demo's own, or the one that was named.


def shop_server(names: set[str]) -> MockServer:
    """Make a server with a small shop on it, and a function for each name the shop ignores."""
    mock = MockServer()
    declined: set[str] = set()

    def charge_card(event: dict[str, Any]) -> object:
        if event["id"] in declined:
            return {"charged": event["data"].get("total")}
        declined.add(event["id"])
        raise ConnectionError("the payment provider does not answer")

    order, signup = "app/order.created", "app/user.signed_up"
    mock.function("mail", "welcome", trigger=signup, run=completes({"sent": True}))
    mock.function("mail", "ask-for-review", trigger=order, run=sleeps(timedelta(days=14)))
    mock.function("shop", "reserve-stock", trigger=order, run=completes({"reserved": 1}))
    mock.function("shop", "ship-order", trigger=order, run=sleeps(timedelta(days=1)))
    mock.function("shop", "charge-card", trigger=order, run=charge_card)
    mock.function("shop", "book-payment", trigger="app/order.paid", run=completes({"booked": True}))
    for number, name in enumerate(sorted(names - {order, signup, "app/order.paid"}), start=1):
        slug = re.sub(r"\W+", "-", name.lower(), flags=re.ASCII).strip("-")[:40]
        id = f"{slug or 'on'}-{number}"
        mock.function("yours", id, trigger=name, run=completes({"ok": True}))
    return mock


def server_variables() -> dict[str, str]:
    """Return the variables that name a server, with their values."""
    given = {name: os.environ.get(name, "") for name in SERVER_VARIABLES}
    if given["INNGEST_DEV"].lower() in OFF:
        del given["INNGEST_DEV"]
    return {name: value for name, value in given.items() if value}


def is_local(url: str) -> bool:
    """Tell whether a URL, or INNGEST_DEV=1, means this machine."""
    return "://" not in url or httpx.URL(url).host in {"localhost", "127.0.0.1", "::1"}


def set_up(
    stack: ExitStack,
    options: argparse.Namespace,
    events: list[dict[str, Any]],
    say: Callable[[str], None],
) -> Stage:
    """Connect to the server that was named, or start the mock; `stack` puts it away."""
    variables = server_variables()
    keys = [name for name in KEY_VARIABLES if os.environ.get(name)]
    urls: list[str] = []
    connect: Callable[..., InngestClient]
    if options.url:
        where, urls = options.url, [options.url]
        connect = partial(InngestClient, base_url=options.url, dev=not keys)
    elif variables:
        where, urls = f"the server of {' and '.join(variables)}", [*variables.values()]
        connect = InngestClient
    else:
        if keys:
            say(f"({' and '.join(keys)}: a key names no server, so this is the mock; see --help)")
        url = stack.enter_context(shop_server({each["name"] for each in events}).serve())
        where = f"a mock server at {url}"

        def connect(**more: Any) -> InngestClient:
            # A transport of its own: proxies of the environment are not for this server.
            return InngestClient(base_url=url, dev=True, transport=httpx.HTTPTransport(), **more)

    return Stage(
        client=stack.enter_context(connect()),
        v1=stack.enter_context(connect(api_version="v1")),
        say=say,
        where=where,
        wait=options.wait,
        may_take_any=all(map(is_local, urls)),
        counted=COUNTED if urls else None,
    )


if __name__ == "__main__":
    sys.exit(main())
