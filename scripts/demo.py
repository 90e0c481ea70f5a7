"""Show the client at work: send events, then list, inspect, replay and cancel their runs.

Exit status: 0 all of it happened; 1 the server would not or could not; 2 the command or FILE is
wrong and nothing was sent; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import httpx
    from attrs import field, frozen

    from inngest_rest import (
        Event,
        InngestClient,
        InngestError,
        InvalidEventError,
        PartialSendError,
        Run,
        RunStatus,
        WaitTimeoutError,
    )
    from inngest_rest.testing import MockServer, completes, sleeps
except KeyboardInterrupt:  # these take the longer part of a short demo
    sys.exit(130)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAMPLE = Path(__file__).with_name("demo-events.ndjson")
STATUSES = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.RUNNING, RunStatus.CANCELLED)
SHOWN = 4
"""Runs shown of each status."""
SCANNED = 100
"""Runs looked through for those of the demo's own events: a listing shows the newest first."""
COUNTED = 10_000
"""Most runs counted of each status on a server that is not the demo's own."""
GRACE = 3.0
"""Seconds in which a run of the demo's own events is preferred to any other."""
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


class DemoError(Exception):
    """The demo cannot go on; `status` is what it exits with."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@frozen
class Lines:
    """Events read from a file, and the line each stands on."""

    path: Path
    events: list[dict[str, Any]] = field(factory=list)
    numbers: list[int] = field(factory=list)

    def error(self, index: int, reason: str) -> DemoError:
        """Make the error that names the file and the line of an event."""
        return DemoError(f"{self.path}:{self.numbers[index]}: {reason}", status=2)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    text = sys.stderr if options.json else sys.stdout
    try:
        lines = read_events(options.file)
        rehearse(lines)
        summary = demonstrate(options, lines, partial(print, file=text, flush=True))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.status
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


def read_events(path: Path) -> Lines:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DemoError(f"{path}: {error.strerror}", status=2) from None
    lines = Lines(path)
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        lines.numbers.append(number)
        try:
            event = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            raise lines.error(-1, f"not JSON: {error}") from None
        if not isinstance(event, dict):
            raise lines.error(-1, "an event is a JSON object, one on each line")
        lines.events.append(event)
    if not lines.events:
        raise DemoError(f"{path}: no event in it; write one JSON object a line", status=2)
    return lines


def rehearse(lines: Lines) -> None:
    """Send the events to a mock in this process, so that none is refused once it counts."""
    with InngestClient(
        event_key="rehearsal", base_url="http://localhost", transport=MockServer().transport
    ) as client:
        try:
            client.send(lines.events)
        except InvalidEventError as error:
            raise lines.error(error.position, f"no valid event: {error.reason}") from None
        except PartialSendError as error:
            refused = error.report.failures[0]
            reason = f"the server would refuse this event: {refused.reason}"
            raise lines.error(refused.position, reason) from None


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


# The demo itself.


@frozen
class Stage:
    """What every step needs: the client, where to print, and how to wait.

    Attributes:
        client: The client the demo is about.
        v1: A second one that asks v1 alone, for the names of functions.
        say: Prints a line of the readable text.
        where: The server, in words.
        wait: Longest wait in seconds.
        may_take_any: Whether runs of other events may be replayed and cancelled.
        counted: Most runs counted of each status.
        ours: The name of each event the demo has sent, by its internal id.
        functions: `app/function` by the function's UUID, which is all that v1's runs tell.
        triggers: The names of the events that start functions.
    """

    client: InngestClient
    v1: InngestClient
    say: Callable[[str], None]
    where: str
    wait: float
    may_take_any: bool
    counted: int | None
    ours: dict[str, str] = field(factory=dict)
    functions: dict[str, str] = field(factory=dict)
    triggers: set[str] = field(factory=set)


def demonstrate(
    options: argparse.Namespace, lines: Lines, say: Callable[[str], None]
) -> dict[str, object]:
    """Do all of it and return the summary; what was prepared is put away again."""
    with ExitStack() as stack:
        stage = set_up(stack, options, lines, say)
        say(f"inngest-rest at work on {stage.where}")
        sent = send(stage, lines)
        apps = list_apps(stage)
        list_runs(stage)
        failed, new = replay(stage)
        cancelled = cancel(stage, besides=frozenset({new}))
        return {
            "sent": sent,
            "apps": apps,
            "runs": count_runs(stage),
            "replayed": {"from": failed, "to": new},
            "cancelled": cancelled,
        }


def set_up(
    stack: ExitStack, options: argparse.Namespace, lines: Lines, say: Callable[[str], None]
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
        url = stack.enter_context(shop_server({each["name"] for each in lines.events}).serve())
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


def send(stage: Stage, lines: Lines) -> int:
    stage.say("\nSend")
    first = Event(
        "app/order.created", data={"orderId": "ord_123", "total": 49.99}, user={"id": "usr_456"}
    )
    (first_id,) = stage.client.send(first)
    stage.ours[first_id] = first.name
    stage.say(f"  one event  {first.name}")
    for id, event in zip(stage.client.send(lines.events), lines.events, strict=True):
        stage.ours[id] = event["name"]
    names = Counter(event["name"] for event in lines.events)
    stage.say(f"  a batch    {len(lines.events)} of {lines.path.name}")
    for name, count in names.most_common(SHOWN):
        stage.say(f"    {count:>6} x {clip(name)}")
    if len(names) > SHOWN:
        stage.say("           and more")
    return 1 + len(lines.events)


def list_apps(stage: Stage) -> list[str]:
    stage.say("\nApps")
    apps = list(stage.client.apps.list())
    width = max((len(app.name or app.id) for app in apps), default=0)
    for app in apps[:20]:
        name = app.name or app.id
        names = sorted(function_names(stage, name))
        stage.say(f"  {name:<{width}}  {clip(', '.join(names), 80)}")
    if not apps:
        stage.say("  none is synced with this server")
    return [app.id for app in apps]


def function_names(stage: Stage, app: str) -> Iterator[str]:
    """Give the names of an app's functions, and note what v1 and v2 tell of them."""
    for client in (stage.client, stage.v1):
        try:
            functions = list(client.functions.list(app))
        except InngestError:
            continue  # an older or a newer server; the names are only for the eye
        for function in functions:
            if client is stage.client:
                yield function.id
            if function.internal_id:
                stage.functions[function.internal_id] = f"{app}/{function.id}"
            stage.triggers.update(each.value for each in function.triggers if each.kind == "event")


def list_runs(stage: Stage) -> None:
    stage.say("\nRuns, the newest of each status")
    for status in STATUSES:
        runs = list(stage.client.runs.list(status=status, limit=SHOWN + 1))
        stage.say(f"  {status}{'' if runs else ': none'}")
        for run in runs[:SHOWN]:
            stage.say(f"    {run.id}  {function_of(stage, run):<22}  {result_of(run)}".rstrip())
        if len(runs) > SHOWN:
            stage.say("    and more")


def replay(stage: Stage) -> tuple[str, str]:
    """Show a failed run, replay it, and return both ids."""
    found = find_run(stage, RunStatus.FAILED)
    failed = stage.client.runs.get(found.id)
    stage.say(f"\nOne run, {failed.id}")
    facts = {
        "function": function_of(stage, found),
        "event": event_of(stage, failed),
        "status": failed.status,
        "queued": f"{failed.queued_at:%Y-%m-%d %H:%M:%S %Z}" if failed.queued_at else "",
        "ended": f"{failed.ended_at:%Y-%m-%d %H:%M:%S %Z}" if failed.ended_at else "",
        "error": result_of(failed),
    }
    for name, value in facts.items():
        stage.say(f"  {name:<8}  {value}")
    new = stage.client.runs.replay(failed.id)
    stage.say("\nReplay it")
    stage.say(f"  {failed.id}  {failed.status}")
    again = ended(stage, new)
    stage.say(f"  {new}  {again.status if again else 'not ended yet'}  {result_of(again)}".rstrip())
    return failed.id, new


def cancel(stage: Stage, besides: frozenset[str]) -> str:
    """Cancel a running run and return its id; one that ended by itself first does not count."""
    stage.say("\nCancel a running one")
    while True:
        running = find_run(stage, RunStatus.RUNNING, besides=besides)
        stage.client.runs.cancel(running.id)
        run = ended(stage, running.id)
        if run is None:
            raise DemoError(f"run {running.id} was told to stop and still runs")
        stage.say(f"  {running.id}  {function_of(stage, running)}  running -> {run.status}")
        if run.status == RunStatus.CANCELLED:
            return running.id
        besides |= {running.id}


def count_runs(stage: Stage) -> dict[str, int]:
    stage.say("\nRuns now")
    counts: dict[str, int] = {}
    for status in STATUSES:
        runs = stage.client.runs.list(status=status, limit=stage.counted)
        counts[status.value] = sum(1 for _ in runs)
        more = " or more" if counts[status.value] == stage.counted else ""
        stage.say(f"  {status:<10} {counts[status.value]:>6,}{more}")
    return counts


def find_run(stage: Stage, status: RunStatus, besides: frozenset[str] = frozenset()) -> Run:
    """Find a run with this status, one the demo's events started if there is any.

    Raises:
        DemoError: There is none, or none appeared in time; the message says what to do.
    """
    started = time.monotonic()
    while True:
        listed = stage.client.runs.list(status=status, limit=SCANNED)
        runs = [run for run in listed if run.id not in besides]
        for run in runs:
            if not stage.ours.keys().isdisjoint(run.event_ids):
                return run
        waited = time.monotonic() - started
        if runs and stage.may_take_any and waited >= min(GRACE, stage.wait):
            return runs[0]
        if waited >= stage.wait:
            raise missing(stage, status)
        time.sleep(0.5)


def missing(stage: Stage, status: RunStatus) -> DemoError:
    job, kind = {
        RunStatus.FAILED: ("replay", "fails"),
        RunStatus.RUNNING: ("cancel", "takes a while"),
    }[status]
    whose = "" if stage.may_take_any else " that these events started"
    known = ", ".join(sorted(stage.triggers)[:20]) or "none that it tells of"
    return DemoError(
        f"there is no {status} run{whose} to {job} on {stage.where}.\n"
        f"  Put an event into FILE that starts a function which {kind}, and type\n"
        f"  scripts/demo FILE again (--wait SECONDS if that needs longer than {stage.wait:g} s).\n"
        f"  Events that start a function there: {clip(known, 300)}"
    )


def ended(stage: Stage, id: str) -> Run | None:
    """Wait for the end of a run and return it; None if it takes too long."""
    try:
        return stage.client.runs.wait(id, max(stage.wait, 1.0))
    except WaitTimeoutError:
        return None


def function_of(stage: Stage, run: Run) -> str:
    if run.app_id and run.function_id:
        return clip(f"{run.app_id}/{run.function_id}")
    return clip(stage.functions.get(run.internal_function_id or "", "a function"))


def event_of(stage: Stage, run: Run) -> str:
    if not run.event_ids:
        return f"none: cron {run.cron}"
    try:
        event = stage.client.events.get(run.event_ids[0])
    except InngestError:
        return clip(stage.ours.get(run.event_ids[0], run.event_ids[0]))
    return clip(f"{event.name} {json.dumps(event.data, ensure_ascii=False)}", 80)


def result_of(run: Run | None) -> str:
    """Say in a few words what came of a run, as far as the server told."""
    if run is None or not run.is_ended:
        return ""
    if run.error is not None:
        return clip(": ".join(filter(None, [run.error.name, run.error.message])), 60)
    return "" if run.output is None else clip(json.dumps(run.output, ensure_ascii=False), 60)


def clip(text: str, width: int = 40) -> str:
    """Fit foreign text into a line: no control characters, not too long."""
    clean = "".join(each if each.isprintable() else " " for each in text[: width + 1])
    return clean if len(clean) <= width else f"{clean[: width - 3]}..."


if __name__ == "__main__":
    sys.exit(main())
