"""What the process of scripts/soak needs between two laps, and whether it grows."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# With fewer laps, quarters say nothing: the memory that an interpreter needs settles slowly.
ENOUGH_LAPS = 40

# How much more the last quarter of the laps may need than the second, where caches are filled.
# Memory in MiB.
_MORE = {"memory": 4.0, "objects": 5_000, "descriptors": 8, "threads": 0, "tasks": 0}

_DESCRIPTORS = Path("/proc/self/fd")


class Sample(NamedTuple):
    """What the process needs at one moment.

    Attributes:
        memory: Resident, in MiB; 0 where the system does not tell.
        objects: Blocks of memory that Python has handed out.
        descriptors: Open files and sockets; 0 where the system does not tell.
        threads: Threads that run.
        tasks: Tasks of the event loop.
    """

    memory: float
    objects: int
    descriptors: int
    threads: int
    tasks: int

    @classmethod
    def take(cls) -> Self:
        """Measure this process, in its event loop."""
        gc.collect()
        memory = descriptors = 0
        if _DESCRIPTORS.is_dir():
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            memory = pages * os.sysconf("SC_PAGE_SIZE")
            descriptors = sum(1 for _ in _DESCRIPTORS.iterdir()) - 1
        return cls(
            memory=memory / 2**20,
            objects=sys.getallocatedblocks(),
            descriptors=descriptors,
            threads=threading.active_count(),
            tasks=len(asyncio.all_tasks()),
        )


class Growth(NamedTuple):
    """The medians of a measure in the second quarter of the laps, and in the last."""

    measure: str
    early: float
    late: float

    def __str__(self) -> str:
        return (
            f"{self.measure:<12} {self.early:10,.1f} in the second quarter, "
            f"{self.late:10,.1f} in the last"
        )

    @property
    def is_too_much(self) -> bool:
        return self.late - self.early > _MORE[self.measure]


def growth(samples: Sequence[Sample]) -> Iterator[Growth]:
    """Compare the last quarter of the laps with the second; of a few laps, nothing is said."""
    if len(samples) < ENOUGH_LAPS:
        return
    quarter = len(samples) // 4
    for measure in _MORE:
        values = [getattr(each, measure) for each in samples]
        yield Growth(measure, median(values[quarter : 2 * quarter]), median(values[-quarter:]))
