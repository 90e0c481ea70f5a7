"""One case: `python -m benchmark.cases NAME --url URL --count N` prints its figures as JSON.

Each runs in its own process, so that neither memory nor warm caches carry over to the next. Only
sending or reading is timed, not imports, pools and one warm-up request.

A case is a function of the server's URL and the number of items; it prepares all that is not timed,
and returns the function to time. The tables at the end name them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from scripts.internal.benchmark import workload
from scripts.internal.benchmark.goals import ASYNC_TRANSPORTS, BLOCKING_TRANSPORTS
from scripts.internal.benchmark.pages import page_of_open

BATCH = 512

WARM_UP = {"name": "app/warm.up", "data": {}}

KEYS: dict[str, Any] = {"event_key": "k", "signing_key": "signkey-test-12345678"}

Work = Callable[[], object]
Case = Callable[[str, int], Work]
Pool = Callable[[], list[Any]]


def in_loop(
    ready: Callable[[], Coroutine[Any, Any, Any]],
    work: Callable[[Any], Coroutine[Any, Any, object]],
) -> Work:
    """Prepare a case in an event loop, and return the function to time in the same loop."""
    runner = asyncio.Runner()
    made = runner.run(ready())
    return lambda: runner.run(work(made))


async def in_tasks(
    items: Iterator[Any], at_once: int, act: Callable[[Any], Awaitable[object]]
) -> None:
    """Act on each item, in so many tasks."""

    async def task() -> None:
        for each in items:
            await act(each)

    await asyncio.gather(*(task() for _ in range(at_once)))


async def warmed(make: Callable[[], Any], event: Any) -> Any:
    """Make an asynchronous client, and send an event with it."""
    made = make()
    await made.send(event)
    return made


def in_batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Split into lists of 512, which the SDK and httpx leave to their callers."""
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch


def ndjson(count: int) -> Path:
    """Write one event per line and return the file."""
    path = Path(tempfile.mkdtemp()) / "events.ndjson"
    lines = [json.dumps(each, separators=(",", ":")) for each in workload.pool()]
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in workload.cycle(lines, count))
    return path


# Ours


def client(url: str, library: str = "", **options: Any) -> Any:
    """Make a client, with the transport of a library if one is named."""
    from inngest_rest import InngestClient

    if library:
        options["transport"] = resolve_name(BLOCKING_TRANSPORTS[library])()
    return InngestClient(**KEYS, base_url=url, **options)


def async_client(url: str, library: str = "") -> Any:
    """Make an asynchronous client, with the transport of a library if one is named."""
    from inngest_rest import AsyncInngestClient

    transport = resolve_name(ASYNC_TRANSPORTS[library])() if library else None
    return AsyncInngestClient(**KEYS, base_url=url, transport=transport)


def event_pool() -> list[Any]:
    from inngest_rest import Event

    return [Event(each["name"], each["data"], user=each["user"]) for each in workload.pool()]


def send_many(url: str, count: int, *, pool: Pool, library: str = "") -> Work:
    ours, events = client(url, library), pool()
    ours.send(events[:1])
    return lambda: ours.send_many(workload.cycle(events, count))


def async_send_many(url: str, count: int, *, library: str = "", **options: Any) -> Work:
    events = workload.cycle(workload.pool(), count)
    return in_loop(
        lambda: warmed(partial(async_client, url, library), WARM_UP),
        lambda ours: ours.send_many(events, **options),
    )


def send_file(url: str, count: int) -> Work:
    ours, path = client(url), ndjson(count)
    ours.send(WARM_UP)
    return lambda: ours.send_file(path)


def single_sends(url: str, count: int, *, library: str = "") -> Work:
    ours, events = client(url, library), workload.pool()
    ours.send(events[:1])
    return lambda: [ours.send(each) for each in workload.cycle(events, count)]


def async_single_sends(url: str, count: int, *, at_once: int = 1, library: str = "") -> Work:
    events = workload.cycle(workload.pool(), count)
    return in_loop(
        lambda: warmed(partial(async_client, url, library), WARM_UP),
        lambda ours: in_tasks(events, at_once, ours.send),
    )


def runs_get(url: str, count: int) -> Work:
    ours = client(url)
    ours.runs.get("01M86WNRKHYE50ZF3GG530BHRT")
    return lambda: [ours.runs.get("01M86WNRKHYE50ZF3GG530BHRT") for _ in range(count)]


def runs_list(url: str, count: int, *, family: str) -> Work:
    ours = client(url, api_version=family)
    ours.runs.list().page()

    def work() -> None:
        seen = sum(1 for _ in ours.runs.list(limit=count))
        assert seen == count, f"{seen} runs listed"

    return work


class _EnoughError(Exception):
    """Ends an export, as the server has always one more page."""


def runs_export(url: str, count: int) -> Work:
    ours, path = client(url), Path(tempfile.mkdtemp()) / "runs.jsonl"
    ours.runs.list().page()

    def stop(rows: int, _: int) -> None:
        if rows >= count:
            raise _EnoughError

    def work() -> None:
        with contextlib.suppress(_EnoughError):
            ours.runs.export(path, on_progress=stop)
        with path.open("rb") as lines:
            assert sum(1 for _ in lines) == count

    return work


def runs_summary(url: str, count: int) -> Work:
    ours = client(url)
    ours.runs.list().page()
    return lambda: ours.runs.summary(limit=count)


def runs_watch(url: str, count: int) -> Work:
    """Watch until each of so many open runs was seen, of which nothing ends, without a socket."""
    import httpx

    def answer(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        # The listing of what was queued since then has nothing new.
        runs = range(count if "status" in params else 0)
        return httpx.Response(200, content=page_of_open(runs, int(params.get("cursor", 0))))

    ours = client(url, transport=httpx.MockTransport(answer))

    def work() -> None:
        with ours.runs.watch() as watcher:
            seen = sum(1 for _ in islice(watcher, count))
        assert seen == count, f"{seen} runs seen"

    return work


def run_ids(count: int) -> Iterator[str]:
    """Generate ids of runs, as a caller may read them from a file."""
    return (f"01M86WNRKH{n * 7919:016d}" for n in range(count))


def cancel_all(url: str, count: int) -> Work:
    ours = client(url)
    ours.runs.cancel_all(run_ids(8))

    def work() -> None:
        report = ours.runs.cancel_all(run_ids(count))
        assert report.counts == {"done": count}, report

    return work


def async_cancel_all(url: str, count: int) -> Work:
    async def ready() -> Any:
        ours = async_client(url)
        await ours.runs.cancel_all(run_ids(8))
        return ours

    return in_loop(ready, lambda ours: ours.runs.cancel_all(run_ids(count)))


def cancel_in_tasks(url: str, count: int) -> Work:
    async def ready() -> Any:
        ours = async_client(url)
        await asyncio.gather(*map(ours.runs.cancel, run_ids(8)))
        return ours

    return in_loop(ready, lambda ours: in_tasks(run_ids(count), 8, ours.runs.cancel))


def cancel_in_threads(url: str, count: int) -> Work:
    ours, ids = client(url), list(run_ids(count))
    pool = ThreadPoolExecutor(8)
    list(pool.map(ours.runs.cancel, run_ids(8)))
    return lambda: sum(1 for _ in pool.map(ours.runs.cancel, ids))


# httpx alone


def httpx_ready_bodies(url: str, count: int) -> Work:
    import httpx

    http, lines = httpx.Client(), [json.dumps(each).encode() for each in workload.pool()]
    bodies = [b"[" + b",".join(batch) + b"]" for batch in in_batches(lines)]
    http.post(f"{url}/e/k", content=b"[]")
    return lambda: [
        http.post(f"{url}/e/k", content=body).json()
        for body in workload.cycle(bodies, count // BATCH)
    ]


def httpx_encoding(url: str, count: int, *, pool: Pool) -> Work:
    """Post what is encoded by msgspec just before, and read each receipt, as send_many does."""
    import httpx
    import msgspec

    http, events = httpx.Client(), pool()
    http.post(f"{url}/e/k", content=b"[]")
    return lambda: [
        http.post(f"{url}/e/k", content=msgspec.json.encode(batch)).json()
        for batch in in_batches(workload.cycle(events, count))
    ]


def httpx_get(url: str, count: int) -> Work:
    import httpx

    http = httpx.Client()
    http.get(f"{url}/v2/runs/x")
    return lambda: [http.get(f"{url}/v2/runs/x").json() for _ in range(count)]


def httpx_pages(url: str, count: int, *, family: str, cursor_of: Callable[[Any], str]) -> Work:
    import httpx

    http = httpx.Client()
    http.get(f"{url}/{family}/runs", params={"limit": 100})

    def work() -> None:
        params: dict[str, Any] = {"limit": 100}
        for _ in range(count // 100):
            page = http.get(f"{url}/{family}/runs", params=params).json()
            assert len(page["data"]) == 100
            params["cursor"] = cursor_of(page)

    return work


# The official SDK


def sdk(url: str) -> Any:
    import inngest

    return inngest.Inngest(**KEYS, app_id="benchmark", event_api_base_url=url, is_production=True)


def sdk_event(event: dict[str, Any]) -> Any:
    import inngest

    return inngest.Event(name=event["name"], data=event["data"])


def sdk_ready(url: str, count: int) -> Work:
    official, events = sdk(url), [sdk_event(each) for each in workload.pool()]
    official.send_sync(events[:1])
    return lambda: [
        official.send_sync(batch) for batch in in_batches(workload.cycle(events, count))
    ]


def sdk_mappings(url: str, count: int, *, pool: Pool) -> Work:
    official, events = sdk(url), pool()
    official.send_sync(sdk_event(WARM_UP))
    return lambda: [
        official.send_sync([sdk_event(each) for each in batch])
        for batch in in_batches(workload.cycle(events, count))
    ]


def sdk_lines(url: str, count: int) -> Work:
    official, path = sdk(url), ndjson(count)
    official.send_sync(sdk_event(WARM_UP))

    def work() -> None:
        with path.open("rb") as file:
            for batch in in_batches(file):
                official.send_sync([sdk_event(json.loads(line)) for line in batch])

    return work


def sdk_single(url: str, count: int) -> Work:
    official, events = sdk(url), workload.pool()
    official.send_sync(sdk_event(WARM_UP))
    return lambda: [official.send_sync(sdk_event(each)) for each in workload.cycle(events, count)]


def sdk_in_loop(
    items: Iterator[Any], url: str, at_once: int, convert: Callable[[Any], Any]
) -> Work:
    """Send each item, as the SDK's own, in so many tasks."""
    return in_loop(
        lambda: warmed(partial(sdk, url), sdk_event(WARM_UP)),
        lambda official: in_tasks(items, at_once, lambda each: official.send(convert(each))),
    )


def sdk_async_many(url: str, count: int) -> Work:
    batches = in_batches(workload.cycle(workload.pool(), count))
    return sdk_in_loop(batches, url, 32, lambda batch: [sdk_event(each) for each in batch])


def sdk_async_single(url: str, count: int) -> Work:
    return sdk_in_loop(workload.cycle(workload.pool(), count), url, 1, sdk_event)


# The caller's cost of handing over an event while the worker is busy


def buffer_add(url: str, count: int) -> Work:
    from inngest_rest import EventBuffer

    buffer = EventBuffer(client(url), max_pending=count)
    events = list(workload.cycle(workload.pool(), count))
    return lambda: [buffer.add(each) for each in events]


def posthog_capture(url: str, count: int) -> Work:
    from posthog import Posthog

    posthog = Posthog("phc_x", host=url, max_queue_size=count)
    events = list(workload.cycle(workload.pool(), count))
    return lambda: [
        posthog.capture(each["name"], distinct_id="u", properties=each["data"]) for each in events
    ]


def segment_track(url: str, count: int) -> Work:
    from segment.analytics.client import Client

    segment = Client("x", host=url, max_queue_size=count)
    events = list(workload.cycle(workload.pool(), count))
    return lambda: [segment.track("u", each["name"], each["data"]) for each in events]


# The cost of the import, in a process that has loaded nothing else, and of the command

TIMED = """\
import time
a = time.process_time()
{}
print(time.process_time() - a)
"""

COMMAND = """\
import sys
from inngest_rest_tools.command import main
sys.argv = ["inngest-rest", *{!r}]
try:
    main()
except SystemExit:
    pass"""


def importing(statement: str, url: str, count: int) -> Work:  # noqa: ARG001 - a case
    """Run a statement in a process of its own, which measures itself."""
    # Installed packages are compiled, even if this environment disables writing bytecode.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": tempfile.mkdtemp()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def work() -> float:
        done = subprocess.run(
            [sys.executable, "-c", TIMED.format(statement)],
            check=True,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return float(done.stdout.splitlines()[-1])

    work()
    return work


def command(words: str, url: str, count: int) -> Work:
    """Run our command; `URL` stands for the server."""
    return importing(COMMAND.format(words.replace("URL", url).split(" ")), url, count)


SENDING: dict[str, Case] = {
    "send_many mappings": partial(send_many, pool=workload.pool),
    "send_many nested mappings": partial(send_many, pool=workload.nested_pool),
    "send_many Events": partial(send_many, pool=event_pool),
    "async send_many": async_send_many,
    "async send_many, 16 in flight": partial(async_send_many, in_flight=16),
    "async send_many, 32 in flight": partial(async_send_many, in_flight=32),
    "send_file": send_file,
    "single sends": single_sends,
    "async single sends": async_single_sends,
    "async single sends, 64 tasks": partial(async_single_sends, at_once=64),
    "httpx, ready bodies": httpx_ready_bodies,
    "httpx, encoding mappings": partial(httpx_encoding, pool=workload.pool),
    "httpx, encoding nested mappings": partial(httpx_encoding, pool=workload.nested_pool),
    "SDK, ready Events": sdk_ready,
    "SDK, from mappings": partial(sdk_mappings, pool=workload.pool),
    "SDK, from nested mappings": partial(sdk_mappings, pool=workload.nested_pool),
    "SDK, from NDJSON lines": sdk_lines,
    "SDK async, 32 in flight": sdk_async_many,
    "SDK single sends": sdk_single,
    "SDK async single sends": sdk_async_single,
}
"""The cases whose events the server counts."""

for library in BLOCKING_TRANSPORTS:
    SENDING |= {
        f"send_many mappings through {library}": partial(
            send_many, pool=workload.pool, library=library
        ),
        f"single sends through {library}": partial(single_sends, library=library),
    }

for library in ASYNC_TRANSPORTS:
    SENDING |= {
        f"async send_many through {library}": partial(async_send_many, library=library),
        f"async single sends through {library}": partial(async_single_sends, library=library),
        f"async single sends, 64 tasks through {library}": partial(
            async_single_sends, at_once=64, library=library
        ),
    }

CASES: dict[str, Case] = {
    **SENDING,
    "runs.get": runs_get,
    "runs.list, v1": partial(runs_list, family="v1"),
    "runs.list, v2": partial(runs_list, family="v2"),
    "runs.export": runs_export,
    "runs.summary": runs_summary,
    "runs.watch": runs_watch,
    "runs.cancel_all": cancel_all,
    "async runs.cancel_all": async_cancel_all,
    "async runs.cancel in 8 tasks": cancel_in_tasks,
    "runs.cancel in 8 threads": cancel_in_threads,
    "httpx.get().json()": httpx_get,
    "httpx pages, v1": partial(
        httpx_pages, family="v1", cursor_of=lambda page: page["data"][-1]["run_id"]
    ),
    "httpx pages, v2": partial(
        httpx_pages, family="v2", cursor_of=lambda page: page["page"]["cursor"]
    ),
    "EventBuffer.add": buffer_add,
    "posthog capture": posthog_capture,
    "segment track": segment_track,
    "import httpx": partial(importing, "import httpx"),
    "import inngest_rest": partial(importing, "from inngest_rest import InngestClient, Event"),
    # Both are refused by the client, before it sends a request.
    "inngest-rest send": partial(command, "--dev send "),
    "inngest-rest runs get": partial(command, "--dev runs get a/b"),
    "inngest-rest runs list": partial(command, "--dev --base-url URL runs list"),
    "inngest-rest --help": partial(command, "--help"),
    "inngest-rest runs list --help": partial(command, "runs list --help"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CASES)
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, {0})
    work = CASES[options.name](options.url, options.count)
    wall, cpu = time.perf_counter(), time.process_time()
    own_figure = work()
    spent = time.process_time() - cpu
    figures = {
        "wall": time.perf_counter() - wall,
        "cpu": own_figure if isinstance(own_figure, float) else spent,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "sent": options.count if options.name in SENDING else 0,
    }
    json.dump(figures, sys.stdout)
    # The official SDK leaves threads and connections open that would delay the exit.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
