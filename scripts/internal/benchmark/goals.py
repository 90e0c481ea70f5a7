"""Goals: the cases that are compared, and the required ratio within one interleaved run."""

from __future__ import annotations

from typing import Literal, NamedTuple

Figure = Literal["wall", "cpu", "peak_mib"]


class Setting(NamedTuple):
    """How many events or runs a case has, and how slow the server is made."""

    events: int
    latency_ms: float = 0.0
    about: str = ""


BULK = Setting(102_400)
LATENT = Setting(102_400, 20.0, about=", 20 ms of latency")
LIVE = Setting(20_480, about=", to a dev server")
SINGLE = Setting(2_000)
READING = Setting(10_000)
CANCELLING = Setting(5_000)
START = Setting(1)
CAPTURE = Setting(20_000)


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
    return [Setting(size) for size in sizes]


class Run(NamedTuple):
    """A case in a setting."""

    setting: Setting
    case: str


class Goal(NamedTuple):
    """Required ratio of our case to another: `at_least` as fast, or `at_most` as slow.

    Attributes:
        setting: What both have in common.
        case: Ours.
        against: The other.
        at_least: How many times as fast ours has to be.
        at_most: How many times as long ours may take.
        figure: What is compared; processor time is steady on a busy machine.
        leaves_out: What the other does not do, though ours does: a ratio says no more than that.
    """

    setting: Setting
    case: str
    against: str
    at_least: float | None = None
    at_most: float | None = None
    figure: Figure = "cpu"
    leaves_out: str = ""

    @property
    def text(self) -> str:
        """What is compared, in words."""
        time = ", in wall time" * (self.figure == "wall")
        return f"{self.case}, against {self.against}{self.setting.about}{time}"

    @property
    def ours(self) -> Run:
        return Run(self.setting, self.case)

    @property
    def other(self) -> Run:
        return Run(self.setting, self.against)

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
        BULK, "send_many mappings", "SDK, ready Events", at_least=9, leaves_out="making its events"
    ),
    Goal(BULK, "send_many mappings", "SDK, from mappings", at_least=9),
    Goal(BULK, "send_many nested mappings", "SDK, from nested mappings", at_least=9),
    Goal(BULK, "send_many Events", "SDK, ready Events", at_least=9),
    Goal(
        BULK,
        "send_many mappings",
        "httpx, ready bodies",
        at_least=0.5,
        leaves_out="encoding, ids, checks and retries",
    ),
    Goal(
        BULK,
        "send_many mappings",
        "httpx, encoding mappings",
        at_least=1,
        leaves_out="ids, checks and retries",
    ),
    Goal(
        BULK,
        "send_many nested mappings",
        "httpx, encoding nested mappings",
        at_least=0.95,
        leaves_out="ids, checks and retries",
    ),
    Goal(BULK, "send_file", "SDK, from NDJSON lines", at_least=6),
    Goal(
        BULK,
        "send_file",
        "httpx, ready bodies",
        at_least=0.45,
        leaves_out="reading and checking the file, encoding and ids",
    ),
    Goal(BULK, "async send_many", "send_many mappings", at_least=0.8),
    Goal(
        LATENT,
        "async send_many, 32 in flight",
        "SDK async, 32 in flight",
        at_least=5,
        figure="wall",
    ),
    Goal(
        LATENT,
        "async send_many, 32 in flight",
        "async send_many, 16 in flight",
        at_least=1.5,
        figure="wall",
    ),
    Goal(SINGLE, "single sends", "SDK single sends", at_least=2.5),
    Goal(SINGLE, "async single sends", "SDK async single sends", at_least=2.5),
    Goal(SINGLE, "async single sends, 64 tasks", "async single sends, 8 tasks", at_least=0.95),
    Goal(BULK, "async send_many", "async send_many through httpx-aiohttp", at_least=1),
    Goal(SINGLE, "async single sends", "async single sends through httpx-aiohttp", at_least=1.3),
    Goal(
        SINGLE,
        "async single sends, 64 tasks",
        "async single sends through httpx-aiohttp, 64 tasks",
        at_least=1.2,
    ),
    Goal(BULK, "async send_many", "async send_many through httpx", at_least=1.5),
    Goal(SINGLE, "async single sends", "async single sends through httpx", at_least=1.8),
    Goal(
        SINGLE,
        "async single sends, 64 tasks",
        "async single sends through httpx, 64 tasks",
        at_least=4,
    ),
    Goal(
        SINGLE,
        "runs.get",
        "httpx.get().json()",
        at_most=0.8,
        leaves_out="a record, times and a status",
    ),
    Goal(
        READING,
        "runs.list, v1",
        "httpx pages, v1",
        at_most=1.2,
        leaves_out="records, times and statuses; both read from a socket",
    ),
    Goal(
        READING,
        "runs.list, v2",
        "httpx pages, v2",
        at_most=0.95,
        leaves_out="records, times and statuses; both read from a socket",
    ),
    Goal(
        CANCELLING,
        "runs.cancel_all",
        "runs.cancel in 8 threads",
        at_least=0.8,
        leaves_out="a report",
    ),
    Goal(
        CANCELLING,
        "async runs.cancel_all",
        "async runs.cancel in 8 tasks",
        at_least=0.8,
        leaves_out="a report",
    ),
    Goal(CANCELLING, "async runs.cancel_all", "runs.cancel_all", at_least=0.8),
    Goal(CAPTURE, "EventBuffer.add", "posthog capture", at_most=0.2, figure="wall"),
    Goal(CAPTURE, "EventBuffer.add", "segment track", at_most=0.3, figure="wall"),
    Goal(START, "import inngest_rest", "import httpx", at_most=1.2),
    Goal(START, "inngest-rest send", "make a client", at_most=1.4),
    Goal(START, "inngest-rest runs get", "make a client, reach for runs", at_most=1.4),
    Goal(START, "inngest-rest runs list", "import httpx", at_most=1.2),
    Goal(START, "inngest-rest --help", "import httpx", at_most=0.6),
    Goal(START, "inngest-rest runs list --help", "import httpx", at_most=1.3),
)

LIVE_GOALS = (
    Goal(LIVE, "send_many mappings", "SDK, from mappings", at_least=1.8, figure="wall"),
    Goal(LIVE, "send_many mappings", "SDK, from mappings", at_least=4),
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
        Run(Setting(10_240), "send_file"),
        Run(Setting(1_000_000), "send_file"),
        at_most=8,
    ),
    PeakGoal(
        "peak memory of runs.cancel_all with 100,000 runs, above a thousand",
        Run(Setting(1_000), "runs.cancel_all"),
        Run(Setting(100_000), "runs.cancel_all"),
        at_most=32,  # some 300 bytes a run
    ),
    PeakGoal(
        "peak memory of async runs.cancel_all with 100,000 runs, above a thousand",
        Run(Setting(1_000), "async runs.cancel_all"),
        Run(Setting(100_000), "async runs.cancel_all"),
        at_most=32,
    ),
)
