"""One case: `python -m benchmark.cases NAME --url URL --count N` prints its figures as JSON.

Each runs in its own process, so that neither memory nor warm caches carry over to the next. Only
sending or reading is timed, not imports, pools and one warm-up request.
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
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from scripts.internal.benchmark import workload
from scripts.internal.benchmark.null_server import page_of_open

BATCH = 512

Case = Callable[[str, int], Callable[[], object]]
CASES: dict[str, Case] = {}

SENDING = set[str]()
"""The cases whose events the server counts."""


def case(name: str, *, sends: bool = False) -> Callable[[Case], Case]:
    """Register a function that prepares a case and returns the function to time."""

    def register(make: Case) -> Case:
        CASES[name] = make
        if sends:
            SENDING.add(name)
        return make

    return register


# Ours


def client(url: str) -> Any:
    from inngest_rest import InngestClient

    return InngestClient(event_key="k", signing_key="signkey-test-12345678", base_url=url)


def async_client(url: str) -> Any:
    from inngest_rest import AsyncInngestClient

    return AsyncInngestClient(event_key="k", signing_key="signkey-test-12345678", base_url=url)


@case("send_many mappings", sends=True)
def send_many_mappings(url: str, count: int) -> Callable[[], object]:
    ours, events = client(url), workload.pool()
    ours.send(events[:1])
    return lambda: ours.send_many(workload.cycle(events, count))


@case("send_many nested mappings", sends=True)
def send_many_nested(url: str, count: int) -> Callable[[], object]:
    ours, events = client(url), workload.nested_pool()
    ours.send(events[:1])
    return lambda: ours.send_many(workload.cycle(events, count))


@case("send_many Events", sends=True)
def send_many_events(url: str, count: int) -> Callable[[], object]:
    from inngest_rest import Event

    ours = client(url)
    events = [Event(each["name"], each["data"], user=each["user"]) for each in workload.pool()]
    ours.send(events[:1])
    return lambda: ours.send_many(workload.cycle(events, count))


def in_loop(
    ready: Callable[[], Coroutine[Any, Any, Any]],
    work: Callable[[Any], Coroutine[Any, Any, object]],
) -> Callable[[], object]:
    """Prepare a case in an event loop, and return the function to time in the same loop."""
    runner = asyncio.Runner()
    made = runner.run(ready())
    return lambda: runner.run(work(made))


async def warm_async_client(url: str) -> Any:
    ours = async_client(url)
    await ours.send({"name": "app/warm.up"})
    return ours


def async_send_many(in_flight: int | None) -> Case:
    def make(url: str, count: int) -> Callable[[], object]:
        events, options = workload.pool(), {} if in_flight is None else {"in_flight": in_flight}
        return in_loop(
            lambda: warm_async_client(url),
            lambda ours: ours.send_many(workload.cycle(events, count), **options),
        )

    return make


case("async send_many", sends=True)(async_send_many(None))
case("async send_many, 16 in flight", sends=True)(async_send_many(16))
case("async send_many, 32 in flight", sends=True)(async_send_many(32))


def ndjson(count: int) -> Path:
    """Write one event per line and return the file."""
    path = Path(tempfile.mkdtemp()) / "events.ndjson"
    lines = [json.dumps(each, separators=(",", ":")) for each in workload.pool()]
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in workload.cycle(lines, count))
    return path


@case("send_file", sends=True)
def send_file(url: str, count: int) -> Callable[[], object]:
    ours, path = client(url), ndjson(count)
    ours.send({"name": "app/warm.up"})
    return lambda: ours.send_file(path)


@case("single sends", sends=True)
def single_sends(url: str, count: int) -> Callable[[], object]:
    ours, events = client(url), workload.pool()
    ours.send(events[:1])
    return lambda: [ours.send(each) for each in workload.cycle(events, count)]


async def tasks(
    count: int, at_once: int, send: Callable[[Any], Coroutine[Any, Any, object]]
) -> None:
    """Send single events from several tasks."""
    source = workload.cycle(workload.pool(), count)

    async def task() -> None:
        for each in source:
            await send(each)

    await asyncio.gather(*(task() for _ in range(at_once)))


def async_single_sends(at_once: int) -> Case:
    return lambda url, count: in_loop(
        lambda: warm_async_client(url), lambda ours: tasks(count, at_once, ours.send)
    )


def through(transport: str) -> Callable[[str], Coroutine[Any, Any, Any]]:
    """Return what makes and warms an asynchronous client with a transport of a library."""

    async def warm(url: str) -> Any:
        import httpx
        import httpx_aiohttp

        from inngest_rest import AsyncInngestClient

        kinds = {"httpx": httpx.AsyncHTTPTransport, "httpx-aiohttp": httpx_aiohttp.AiohttpTransport}
        ours = AsyncInngestClient(event_key="k", base_url=url, transport=kinds[transport]())
        await ours.send({"name": "app/warm.up"})
        return ours

    return warm


def sends_through(transport: str, at_once: int) -> Case:
    warm = through(transport)
    return lambda url, count: in_loop(
        lambda: warm(url), lambda ours: tasks(count, at_once, ours.send)
    )


def send_many_through(transport: str) -> Case:
    warm = through(transport)

    def make(url: str, count: int) -> Callable[[], object]:
        events = workload.pool()
        return in_loop(
            lambda: warm(url), lambda ours: ours.send_many(workload.cycle(events, count))
        )

    return make


for library in ("httpx", "httpx-aiohttp"):
    case(f"async send_many through {library}", sends=True)(send_many_through(library))
    case(f"async single sends through {library}", sends=True)(sends_through(library, 1))
    case(f"async single sends through {library}, 64 tasks", sends=True)(sends_through(library, 64))

case("async single sends", sends=True)(async_single_sends(1))
case("async single sends, 8 tasks", sends=True)(async_single_sends(8))
case("async single sends, 64 tasks", sends=True)(async_single_sends(64))


@case("runs.get")
def runs_get(url: str, count: int) -> Callable[[], object]:
    ours = client(url)
    ours.runs.get("01M86WNRKHYE50ZF3GG530BHRT")
    return lambda: [ours.runs.get("01M86WNRKHYE50ZF3GG530BHRT") for _ in range(count)]


def runs_list(family: Literal["v1", "v2"]) -> Case:
    def make(url: str, count: int) -> Callable[[], object]:
        from inngest_rest import InngestClient

        ours = InngestClient(signing_key="signkey-test-12345678", base_url=url, api_version=family)
        ours.runs.list().page()

        def work() -> None:
            seen = sum(1 for _ in ours.runs.list(limit=count))
            assert seen == count, f"{seen} runs listed"

        return work

    return make


case("runs.list, v1")(runs_list("v1"))
case("runs.list, v2")(runs_list("v2"))


class _EnoughError(Exception):
    """Ends an export, as the server has always one more page."""


@case("runs.export")
def runs_export(url: str, count: int) -> Callable[[], object]:
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


@case("runs.summary")
def runs_summary(url: str, count: int) -> Callable[[], object]:
    ours = client(url)
    ours.runs.list().page()
    return lambda: ours.runs.summary(limit=count)


@case("runs.watch")
def runs_watch(url: str, count: int) -> Callable[[], object]:  # noqa: ARG001 - it has no socket
    """Watch until each of so many open runs was seen, of which nothing ends."""
    import httpx

    from inngest_rest import InngestClient

    def answer(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        # The listing of what was queued since then has nothing new.
        runs = range(count if "status" in params else 0)
        return httpx.Response(200, content=page_of_open(runs, int(params.get("cursor", 0))))

    ours = InngestClient(dev=True, transport=httpx.MockTransport(answer))

    def work() -> None:
        with ours.runs.watch() as watcher:
            seen = sum(1 for _ in islice(watcher, count))
        assert seen == count, f"{seen} runs seen"

    return work


def run_ids(count: int) -> Iterator[str]:
    """Generate ids of runs, as a caller may read them from a file."""
    return (f"01M86WNRKH{n * 7919:016d}" for n in range(count))


@case("runs.cancel_all")
def cancel_all(url: str, count: int) -> Callable[[], object]:
    ours = client(url)
    ours.runs.cancel_all(run_ids(8))

    def work() -> None:
        report = ours.runs.cancel_all(run_ids(count))
        assert report.counts == {"done": count}, report

    return work


@case("async runs.cancel_all")
def async_cancel_all(url: str, count: int) -> Callable[[], object]:
    async def ready() -> Any:
        ours = async_client(url)
        await ours.runs.cancel_all(run_ids(8))
        return ours

    return in_loop(ready, lambda ours: ours.runs.cancel_all(run_ids(count)))


@case("async runs.cancel in 8 tasks")
def cancel_in_tasks(url: str, count: int) -> Callable[[], object]:
    async def ready() -> Any:
        ours = async_client(url)
        await asyncio.gather(*map(ours.runs.cancel, run_ids(8)))
        return ours

    async def cancel_each(ours: Any, ids: Iterator[str]) -> None:
        for id in ids:
            await ours.runs.cancel(id)

    async def work(ours: Any) -> None:
        ids = run_ids(count)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(cancel_each(ours, ids))

    return in_loop(ready, work)


@case("runs.cancel in 8 threads")
def cancel_in_threads(url: str, count: int) -> Callable[[], object]:
    ours, ids = client(url), list(run_ids(count))
    pool = ThreadPoolExecutor(8)
    list(pool.map(ours.runs.cancel, run_ids(8)))
    return lambda: sum(1 for _ in pool.map(ours.runs.cancel, ids))


# httpx alone


@case("httpx, ready bodies", sends=True)
def httpx_ready_bodies(url: str, count: int) -> Callable[[], object]:
    import httpx

    http, lines = httpx.Client(), [json.dumps(each).encode() for each in workload.pool()]
    bodies = [
        b"[" + b",".join(lines[start : start + BATCH]) + b"]"
        for start in range(0, len(lines), BATCH)
    ]
    http.post(f"{url}/e/k", content=b"[]")
    return lambda: [
        http.post(f"{url}/e/k", content=body).json()
        for body in workload.cycle(bodies, count // BATCH)
    ]


def httpx_encoding(pool: Callable[[], list[dict[str, Any]]]) -> Case:
    """Post what is encoded by msgspec just before, and read each receipt, as send_many does."""

    def make(url: str, count: int) -> Callable[[], object]:
        import httpx
        import msgspec

        http, events = httpx.Client(), pool()
        http.post(f"{url}/e/k", content=b"[]")
        return lambda: [
            http.post(f"{url}/e/k", content=msgspec.json.encode(batch)).json()
            for batch in in_batches(workload.cycle(events, count))
        ]

    return make


case("httpx, encoding mappings", sends=True)(httpx_encoding(workload.pool))
case("httpx, encoding nested mappings", sends=True)(httpx_encoding(workload.nested_pool))


@case("httpx.get().json()")
def httpx_get(url: str, count: int) -> Callable[[], object]:
    import httpx

    http = httpx.Client()
    http.get(f"{url}/v2/runs/x")
    return lambda: [http.get(f"{url}/v2/runs/x").json() for _ in range(count)]


def httpx_pages(family: str, cursor_of: Callable[[Any], str]) -> Case:
    def make(url: str, count: int) -> Callable[[], object]:
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

    return make


case("httpx pages, v1")(httpx_pages("v1", lambda page: page["data"][-1]["run_id"]))
case("httpx pages, v2")(httpx_pages("v2", lambda page: page["page"]["cursor"]))


# The official SDK


def sdk(url: str) -> Any:
    import inngest

    return inngest.Inngest(
        app_id="benchmark",
        event_key="k",
        event_api_base_url=url,
        is_production=True,
        signing_key="signkey-test-12345678",
    )


def sdk_event(event: dict[str, Any]) -> Any:
    import inngest

    return inngest.Event(name=event["name"], data=event["data"])


def in_batches(events: Any) -> Any:
    """Split into lists of 512, which the SDK leaves to its callers."""
    batch = []
    for each in events:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@case("SDK, ready Events", sends=True)
def sdk_ready(url: str, count: int) -> Callable[[], object]:
    official, events = sdk(url), [sdk_event(each) for each in workload.pool()]
    official.send_sync(events[:1])
    return lambda: [
        official.send_sync(batch) for batch in in_batches(workload.cycle(events, count))
    ]


def sdk_mappings(pool: Callable[[], list[dict[str, Any]]]) -> Case:
    def make(url: str, count: int) -> Callable[[], object]:
        official, events = sdk(url), pool()
        official.send_sync([sdk_event(events[0])])
        return lambda: [
            official.send_sync([sdk_event(each) for each in batch])
            for batch in in_batches(workload.cycle(events, count))
        ]

    return make


case("SDK, from mappings", sends=True)(sdk_mappings(workload.pool))
case("SDK, from nested mappings", sends=True)(sdk_mappings(workload.nested_pool))


@case("SDK, from NDJSON lines", sends=True)
def sdk_lines(url: str, count: int) -> Callable[[], object]:
    official, path = sdk(url), ndjson(count)
    official.send_sync([sdk_event({"name": "app/warm.up", "data": {}})])

    def work() -> None:
        with path.open("rb") as file:
            for batch in in_batches(file):
                official.send_sync([sdk_event(json.loads(line)) for line in batch])

    return work


async def warm_sdk(url: str) -> Any:
    official = sdk(url)
    await official.send(sdk_event({"name": "app/warm.up", "data": {}}))
    return official


@case("SDK async, 32 in flight", sends=True)
def sdk_async_many(url: str, count: int) -> Callable[[], object]:
    events = workload.pool()

    async def work(official: Any) -> None:
        source = in_batches(workload.cycle(events, count))

        async def task() -> None:
            for batch in source:
                await official.send([sdk_event(each) for each in batch])

        await asyncio.gather(*(task() for _ in range(32)))

    return in_loop(lambda: warm_sdk(url), work)


@case("SDK single sends", sends=True)
def sdk_single(url: str, count: int) -> Callable[[], object]:
    official, events = sdk(url), workload.pool()
    official.send_sync(sdk_event(events[0]))
    return lambda: [official.send_sync(sdk_event(each)) for each in workload.cycle(events, count)]


@case("SDK async single sends", sends=True)
def sdk_async_single(url: str, count: int) -> Callable[[], object]:
    return in_loop(
        lambda: warm_sdk(url),
        lambda official: tasks(count, 1, lambda each: official.send(sdk_event(each))),
    )


# The caller's cost of handing over an event while the worker is busy


@case("EventBuffer.add")
def buffer_add(url: str, count: int) -> Callable[[], object]:
    from inngest_rest import EventBuffer

    buffer = EventBuffer(client(url), max_pending=count)
    events = list(workload.cycle(workload.pool(), count))
    return lambda: [buffer.add(each) for each in events]


@case("posthog capture")
def posthog_capture(url: str, count: int) -> Callable[[], object]:
    from posthog import Posthog

    posthog = Posthog("phc_x", host=url, max_queue_size=count)
    events = list(workload.cycle(workload.pool(), count))
    return lambda: [
        posthog.capture(each["name"], distinct_id="u", properties=each["data"]) for each in events
    ]


@case("segment track")
def segment_track(url: str, count: int) -> Callable[[], object]:
    from segment.analytics.client import Client

    segment = Client("x", host=url, max_queue_size=count)
    events = list(workload.cycle(workload.pool(), count))
    return lambda: [segment.track("u", each["name"], each["data"]) for each in events]


# The cost of the import, in a process that has loaded nothing else


def importing(statement: str) -> Case:
    program = f"""\
import time
a = time.process_time()
{statement}
print(time.process_time() - a)
"""

    def make(url: str, count: int) -> Callable[[], object]:  # noqa: ARG001
        # Installed packages are compiled, even if this environment disables writing bytecode.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": tempfile.mkdtemp()}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def work() -> float:
            done = subprocess.run(
                [sys.executable, "-c", program],
                check=True,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            return float(done.stdout.splitlines()[-1])

        work()
        return work

    return make


case("import httpx")(importing("import httpx"))
case("import inngest_rest")(importing("from inngest_rest import InngestClient, Event"))


# The command, likewise


def command(*words: str) -> Case:
    return importing(f"""\
import sys
from inngest_rest._programs.command import main
sys.argv = ["inngest-rest", *{words!r}]
try:
    main()
except SystemExit:
    pass""")


MAKE_CLIENT = "from inngest_rest import InngestClient; client = InngestClient(dev=True)"
case("make a client")(importing(MAKE_CLIENT))
case("make a client, reach for runs")(importing(f"{MAKE_CLIENT}; client.runs"))
# Both are refused by the client, before it sends a request.
case("inngest-rest send")(command("--dev", "send", ""))
case("inngest-rest runs get")(command("--dev", "runs", "get", "a/b"))
case("inngest-rest runs list")(
    lambda url, count: command("--dev", "--base-url", url, "runs", "list")(url, count)
)
case("inngest-rest --help")(command("--help"))
case("inngest-rest runs list --help")(command("runs", "list", "--help"))


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
