"""Goals: the cases that are compared, and the required ratio within one interleaved run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple


class Setting(NamedTuple):
    """How many events or runs a case has, and how slow the server is made."""

    events: int
    latency_ms: float = 0.0
    about: str = ""


SETTINGS = {
    "bulk": Setting(102_400),
    "latent": Setting(102_400, 20.0, about=", 20 ms of latency"),
    "live": Setting(20_480, about=", to a dev server"),
    "single": Setting(2_000),
    "reading": Setting(10_000),
    "cancelling": Setting(5_000),
    "start": Setting(1),
    "capture": Setting(20_000),
}

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
    """A required ratio of our case to another: a line of goals.tsv.

    Attributes:
        setting: What both have in common.
        case: Ours.
        against: The other.
        asked: `>= 9`, so many times as fast as the other; or `<= 0.8`, so many times as slow; empty
            where the two are compared alone, by how many times as fast ours is.
        figure: What is compared: `cpu`, which is steady on a busy machine, or `wall`.
        leaves_out: What the other does not do, though ours does: a ratio says no more than that.
    """

    setting: Setting
    case: str
    against: str
    asked: str
    figure: str
    leaves_out: str

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

    @property
    def asks_for_speed(self) -> bool:
        return not self.asked.startswith("<=")

    def ratio(self, ours: float, other: float) -> float:
        """Return the speed-up where a minimum is required, the cost where a maximum is."""
        return other / ours if self.asks_for_speed else ours / other

    def is_within(self, ratio: float, limit: float) -> bool:
        """Return whether a ratio is no worse than a limit."""
        return ratio >= limit if self.asks_for_speed else ratio <= limit

    def is_met(self, ratio: float) -> bool:
        return not self.asked or self.is_within(ratio, float(self.asked[2:]))


def _read(file: Path) -> list[Goal]:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", restval=""))
    return [Goal(SETTINGS[row.pop("setting")], **row) for row in rows]


_ALL = _read(Path(__file__).with_name("goals.tsv"))

LIVE_GOALS = [goal for goal in _ALL if goal.setting == SETTINGS["live"]]
GOALS = [goal for goal in _ALL if goal not in LIVE_GOALS]

BLOCKING_TRANSPORTS = {
    "httpx": "httpx:HTTPTransport",
    "httpx2": "httpx2:HTTPTransport",
    "pyreqwest": "pyreqwest.compatibility.httpx:SyncHttpxTransport",
}
ASYNC_TRANSPORTS = {
    "httpx": "httpx:AsyncHTTPTransport",
    "httpx2": "httpx2:AsyncHTTPTransport",
    "httpx-aiohttp": "httpx_aiohttp:AiohttpTransport",
    "pyreqwest": "pyreqwest.compatibility.httpx:HttpxTransport",
}
"""The transports of libraries that `--transport` names."""


def through(library: str) -> list[Goal]:
    """Return the comparisons of a library's transport with our own: nothing is asked of them."""
    compared: list[tuple[str, str]] = []
    if library in BLOCKING_TRANSPORTS:
        compared += [("bulk", "send_many mappings"), ("single", "single sends")]
    if library in ASYNC_TRANSPORTS:
        compared += [("bulk", "async send_many"), ("single", "async single sends")]
        compared += [("single", "async single sends, 64 tasks")]
    return [
        Goal(
            setting=SETTINGS[setting],
            case=f"{case} through {library}",
            against=case,
            asked="",
            figure="cpu",
            leaves_out="",
        )
        for setting, case in compared
    ]


class PeakGoal(NamedTuple):
    """How much higher the peak memory of a large run may be than that of a small one, in MiB."""

    text: str
    case: str
    small: int
    large: int
    at_most: float


PEAK_GOALS = (
    PeakGoal(
        "peak memory of send_file with a million lines, above ten thousand",
        case="send_file",
        small=10_240,
        large=1_000_000,
        at_most=8,
    ),
    PeakGoal(
        "peak memory of runs.cancel_all with 100,000 runs, above a thousand",
        case="runs.cancel_all",
        small=1_000,
        large=100_000,
        at_most=32,  # some 300 bytes a run
    ),
    PeakGoal(
        "peak memory of async runs.cancel_all with 100,000 runs, above a thousand",
        case="async runs.cancel_all",
        small=1_000,
        large=100_000,
        at_most=32,
    ),
)
