"""Goals: the cases that are compared, and the required ratio within one interleaved run."""

from __future__ import annotations

from typing import Literal, NamedTuple

Figure = Literal["wall", "cpu", "peak_mib"]


class Setting(NamedTuple):
    """Cases that take turns: how many events each sends, and how slow the server is made."""

    name: str
    events: int
    latency_ms: float = 0.0


BULK = Setting("512 events per POST", 102_400)
LATENT = Setting("512 events per POST, 20 ms of latency", 102_400, 20.0)
LIVE = Setting("512 events per POST, to a dev server", 20_480)
SINGLE = Setting("one event per POST", 2_000)
READING = Setting("100 runs per page", 10_000)
CANCELLING = Setting("one run per POST", 5_000)
START = Setting("start", 1)
CAPTURE = Setting("hand over and go on", 20_000)
SMALL_FILE = Setting("a file of 10,000 lines", 10_240)
LARGE_FILE = Setting("a file of 1,000,000 lines", 1_000_000)
FEW_RUNS = Setting("1,000 runs to cancel", 1_000)
MANY_RUNS = Setting("100,000 runs to cancel", 100_000)


GROWING = {
    "send_many mappings": 1_000_000,
    "send_file": 1_000_000,
    "runs.list, v2": 1_000_000,
    "runs.export": 1_000_000,
    "runs.summary": 1_000_000,
    "runs.cancel_all": 100_000,
    "runs.watch": 100_000,
}
"""The cases of which `--growth` shows what an item costs, and what memory, and up to what size."""

SIZES = (1_000, 10_000, 100_000, 1_000_000)


def growing(case: str) -> list[Setting]:
    """Return the settings of a case that grows, in whole pages of 100 or batches of 512."""
    sizes = [size for size in SIZES if size <= GROWING[case]]
    if case.startswith("send"):
        sizes = [-(-size // 512) * 512 for size in sizes]
    return [Setting(f"{size:,} items", size) for size in sizes]


class Run(NamedTuple):
    """A case in a setting."""

    setting: Setting
    case: str


class Goal(NamedTuple):
    """Required ratio of our run to another: `times` as fast, or at most `times` as slow."""

    text: str
    ours: Run
    other: Run
    at_least: float | None = None
    at_most: float | None = None
    figure: Figure = "cpu"  # steady on a busy machine
    # What the other run does not do, though ours does: a ratio says no more than that.
    leaves_out: str = ""

    def ratio(self, ours: float, other: float) -> float:
        """Return the speed-up where a minimum is required, the cost where a maximum is."""
        return other / ours if self.at_least is not None else ours / other

    def is_within(self, ratio: float, limit: float) -> bool:
        """Return whether a ratio is no worse than a limit."""
        return ratio >= limit if self.at_least is not None else ratio <= limit

    def is_met(self, ratio: float) -> bool:
        return (self.at_least is None or ratio >= self.at_least) and (
            self.at_most is None or ratio <= self.at_most
        )


GOALS = (
    Goal(
        "send_many of mappings, against the SDK's ready Events",
        Run(BULK, "send_many mappings"),
        Run(BULK, "SDK, ready Events"),
        at_least=9,
        leaves_out="making its events",
    ),
    Goal(
        "send_many of mappings, against the SDK from the same mappings",
        Run(BULK, "send_many mappings"),
        Run(BULK, "SDK, from mappings"),
        at_least=9,
    ),
    Goal(
        "send_many of nested mappings, against the SDK from the same mappings",
        Run(BULK, "send_many nested mappings"),
        Run(BULK, "SDK, from nested mappings"),
        at_least=9,
    ),
    Goal(
        "send_many of Events, against the SDK's ready Events",
        Run(BULK, "send_many Events"),
        Run(BULK, "SDK, ready Events"),
        at_least=9,
    ),
    Goal(
        "send_many of mappings, against httpx posting ready bodies",
        Run(BULK, "send_many mappings"),
        Run(BULK, "httpx, ready bodies"),
        at_least=0.5,
        leaves_out="encoding, ids, checks and retries",
    ),
    Goal(
        "send_many of mappings, against httpx, msgspec.json.encode and .json()",
        Run(BULK, "send_many mappings"),
        Run(BULK, "httpx, encoding mappings"),
        at_least=1,
        leaves_out="ids, checks and retries",
    ),
    Goal(
        "send_many of nested mappings, against httpx, msgspec.json.encode and .json()",
        Run(BULK, "send_many nested mappings"),
        Run(BULK, "httpx, encoding nested mappings"),
        at_least=0.95,
        leaves_out="ids, checks and retries",
    ),
    Goal(
        "send_file, against the SDK from the same lines",
        Run(BULK, "send_file"),
        Run(BULK, "SDK, from NDJSON lines"),
        at_least=6,
    ),
    Goal(
        "send_file, against httpx posting ready bodies",
        Run(BULK, "send_file"),
        Run(BULK, "httpx, ready bodies"),
        at_least=0.45,
        leaves_out="reading and checking the file, encoding and ids",
    ),
    Goal(
        "async send_many, against the blocking one",
        Run(BULK, "async send_many"),
        Run(BULK, "send_many mappings"),
        at_least=0.8,
    ),
    Goal(
        "async send_many, 20 ms of latency, 32 in flight, against the SDK, in wall time",
        Run(LATENT, "async send_many, 32 in flight"),
        Run(LATENT, "SDK async, 32 in flight"),
        at_least=5,
        figure="wall",
    ),
    Goal(
        "async send_many, 20 ms of latency, 32 in flight, against its own 16, in wall time",
        Run(LATENT, "async send_many, 32 in flight"),
        Run(LATENT, "async send_many, 16 in flight"),
        at_least=1.5,
        figure="wall",
    ),
    Goal(
        "single sends, against the SDK",
        Run(SINGLE, "single sends"),
        Run(SINGLE, "SDK single sends"),
        at_least=2.5,
    ),
    Goal(
        "async single sends, against the SDK",
        Run(SINGLE, "async single sends"),
        Run(SINGLE, "SDK async single sends"),
        at_least=2.5,
    ),
    Goal(
        "async single sends from 64 tasks, against 8",
        Run(SINGLE, "async single sends, 64 tasks"),
        Run(SINGLE, "async single sends, 8 tasks"),
        at_least=0.95,
    ),
    Goal(
        "runs.get, against httpx.get().json()",
        Run(SINGLE, "runs.get"),
        Run(SINGLE, "httpx.get().json()"),
        at_most=0.8,
        leaves_out="a record, times and a status",
    ),
    Goal(
        "runs.list of v1, against httpx.get().json() of the same pages",
        Run(READING, "runs.list, v1"),
        Run(READING, "httpx pages, v1"),
        at_most=1.2,
        leaves_out="records, times and statuses; both read from a socket",
    ),
    Goal(
        "runs.list of v2, against httpx.get().json() of the same pages",
        Run(READING, "runs.list, v2"),
        Run(READING, "httpx pages, v2"),
        at_most=0.95,
        leaves_out="records, times and statuses; both read from a socket",
    ),
    Goal(
        "runs.cancel_all, against runs.cancel in as many threads",
        Run(CANCELLING, "runs.cancel_all"),
        Run(CANCELLING, "runs.cancel in 8 threads"),
        at_least=0.8,
        leaves_out="a report",
    ),
    Goal(
        "async runs.cancel_all, against async runs.cancel in as many tasks",
        Run(CANCELLING, "async runs.cancel_all"),
        Run(CANCELLING, "async runs.cancel in 8 tasks"),
        at_least=0.8,
        leaves_out="a report",
    ),
    Goal(
        "async runs.cancel_all, against the blocking one",
        Run(CANCELLING, "async runs.cancel_all"),
        Run(CANCELLING, "runs.cancel_all"),
        at_least=0.8,
    ),
    Goal(
        "EventBuffer.add, against posthog's capture, in wall time",
        Run(CAPTURE, "EventBuffer.add"),
        Run(CAPTURE, "posthog capture"),
        at_most=0.2,
        figure="wall",
    ),
    Goal(
        "EventBuffer.add, against segment's track, in wall time",
        Run(CAPTURE, "EventBuffer.add"),
        Run(CAPTURE, "segment track"),
        at_most=0.3,
        figure="wall",
    ),
    Goal(
        "import of the package, against import httpx",
        Run(START, "import inngest_rest"),
        Run(START, "import httpx"),
        at_most=1.2,
    ),
    Goal(
        "command send up to its request, against making a client",
        Run(START, "inngest-rest send"),
        Run(START, "make a client"),
        at_most=1.4,
    ),
    Goal(
        "command runs get up to its request, against making a client and reaching for runs",
        Run(START, "inngest-rest runs get"),
        Run(START, "make a client, reach for runs"),
        at_most=1.4,
    ),
    Goal(
        "command runs list, against import httpx",
        Run(START, "inngest-rest runs list"),
        Run(START, "import httpx"),
        at_most=1.2,
    ),
    Goal(
        "command --help, against import httpx",
        Run(START, "inngest-rest --help"),
        Run(START, "import httpx"),
        at_most=0.6,
    ),
    Goal(
        "command runs list --help, against import httpx",
        Run(START, "inngest-rest runs list --help"),
        Run(START, "import httpx"),
        at_most=1.3,
    ),
)

LIVE_GOALS = (
    Goal(
        "send_many to a dev server, against the SDK, in wall time",
        Run(LIVE, "send_many mappings"),
        Run(LIVE, "SDK, from mappings"),
        at_least=1.8,
        figure="wall",
    ),
    Goal(
        "send_many to a dev server, against the SDK",
        Run(LIVE, "send_many mappings"),
        Run(LIVE, "SDK, from mappings"),
        at_least=4,
    ),
)


class PeakGoal(NamedTuple):
    """How much higher the peak memory of a large run may be than that of a small one, in MiB."""

    text: str
    small: Run
    large: Run
    at_most: float


PEAK_GOALS = (
    PeakGoal(
        "peak memory of send_file with a million lines, above ten thousand",
        Run(SMALL_FILE, "send_file"),
        Run(LARGE_FILE, "send_file"),
        at_most=8,
    ),
    PeakGoal(
        "peak memory of runs.cancel_all with 100,000 runs, above a thousand",
        Run(FEW_RUNS, "runs.cancel_all"),
        Run(MANY_RUNS, "runs.cancel_all"),
        at_most=32,  # some 300 bytes a run
    ),
    PeakGoal(
        "peak memory of async runs.cancel_all with 100,000 runs, above a thousand",
        Run(FEW_RUNS, "async runs.cancel_all"),
        Run(MANY_RUNS, "async runs.cancel_all"),
        at_most=32,
    ),
)
