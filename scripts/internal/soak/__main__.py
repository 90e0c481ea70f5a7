"""Send in every way for many minutes while the server fails, and account for every event.

Eight threads share a blocking client, forty tasks an asynchronous one, each with a buffer in memory
and one in a file. They send to a mock server on a real socket, in a process of its own, that loses
answers, breaks connections and responds with errors; some calls are cancelled. The work comes in
laps of equal size. After each lap the faults end, the buffers are flushed, and every event
must be accepted by its id and run once per function, or be reported as rejected or unknown. Then
the server makes room for a new one, and the process measures itself: memory, objects, descriptors
and threads must not grow.

With --binary it measures instead what calls cost on a real server that has --runs many runs.

Exit status: 0 all was well; 1 something was not; 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.internal.servers import end_servers_when_terminated, take_keys
from scripts.internal.soak.books import Books
from scripts.internal.soak.load import TASKS, THREADS, Load, run_to_end
from scripts.internal.soak.samples import ENOUGH_LAPS, Sample, growth
from scripts.internal.soak.server import Facts, Server, server

if TYPE_CHECKING:
    from collections.abc import Sequence

# Work of each thread and task in a lap.
ROUNDS_OF_A_THREAD = 25
ROUNDS_OF_A_TASK = 6

MOST_SHOWN = 20


class Soak:
    """A soak, lap by lap.

    Args:
        seconds: No lap begins after so many.
        seed: Decides about the work and the faults; threads run as they like.
    """

    def __init__(self, seconds: float, seed: str) -> None:
        self._seconds = seconds
        self._seed = seed
        self._samples: list[Sample] = []
        self._events = self._requests = self._failed = 0
        self.wrong: list[str] = []

    async def run(self) -> None:
        with server(self._seed) as mock, tempfile.TemporaryDirectory() as folder:
            before = Sample.take()
            await self._all_laps(mock, Path(folder))
            await asyncio.get_running_loop().shutdown_default_executor()
            after = Sample.take()
        for what in ("descriptors", "threads"):
            left, had = getattr(after, what), getattr(before, what)
            if left > had:
                self.wrong.append(f"{left} {what} after everything was closed, {had} before")
        self._judge()

    async def _all_laps(self, mock: Server, folder: Path) -> None:
        end = time.monotonic() + self._seconds
        url = await asyncio.to_thread(mock.start, port=0)
        threads, tasks = Load(url, folder, is_async=False), Load(url, folder, is_async=True)
        say(" lap   events  requests  failed      MiB  objects  descriptors  threads  tasks")
        lap = 1
        await self._lap(lap, mock, threads, tasks)
        while time.monotonic() < end and not self.wrong:
            lap += 1
            await asyncio.to_thread(mock.start, port=int(url.rpartition(":")[2]))
            await self._lap(lap, mock, threads, tasks)
        await asyncio.to_thread(run_to_end, threads.close())
        await tasks.close()

    async def _lap(self, lap: int, mock: Server, threads: Load, tasks: Load) -> None:
        threads.books = tasks.books = books = Books(lap)
        await self._work(lap, threads, tasks)
        await asyncio.to_thread(mock.mend)
        await asyncio.to_thread(run_to_end, threads.flush())
        await tasks.flush()
        facts = await asyncio.to_thread(mock.stop)
        self.wrong += [f"lap {lap}: {each}" for each in books.check(facts)]
        self._note(lap, len(books), facts)

    async def _work(self, lap: int, threads: Load, tasks: Load) -> None:
        seed = f"{self._seed} {lap}"
        running = [
            threading.Thread(
                target=run_to_end,
                args=(threads.work(ROUNDS_OF_A_THREAD, f"{seed} thread {number}"),),
            )
            for number in range(THREADS)
        ]
        for thread in running:
            thread.start()
        works = [tasks.work(ROUNDS_OF_A_TASK, f"{seed} task {number}") for number in range(TASKS)]
        await asyncio.gather(*works)
        for thread in running:
            await asyncio.to_thread(thread.join)

    def _note(self, lap: int, events: int, facts: Facts) -> None:
        self._events += events
        self._requests += facts.requests
        self._failed += facts.failed
        sample = Sample.take()
        self._samples.append(sample)
        line = f"{lap:4} {events:8,} {facts.requests:9,} {facts.failed:7,}"
        say(line + " {:8.1f} {:8,} {:12} {:8} {:6}".format(*sample))

    def _judge(self) -> None:
        say(
            f"\n{len(self._samples)} laps: {self._events:,} events in {self._requests:,} "
            f"requests, {self._failed:,} of which failed."
        )
        if len(self._samples) < ENOUGH_LAPS:
            say(f"Fewer than {ENOUGH_LAPS} laps: nothing is said about growth.")
        for each in growth(self._samples):
            say(str(each))
            if each.is_too_much:
                self.wrong.append(f"{each.measure} grew from {each.early:,.1f} to {each.late:,.1f}")


def say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str]) -> int:
    end_servers_when_terminated()
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="default: 20")
    parser.add_argument("--seed", default=None, help="repeats the choices of another soak")
    parser.add_argument("--binary", type=Path, help="a real server, to measure calls on")
    parser.add_argument("--runs", type=int, default=10_000, help="how many it has (10000)")
    options = parser.parse_args(arguments)
    keys = take_keys(os.environ)
    if options.binary is not None:
        from scripts.internal.soak import cost  # noqa: PLC0415 - the official SDK warns at its import

        wrong = 0
        for row in cost.measure(options.binary.absolute(), options.runs, keys.postgres_uri):
            say(row)
            wrong += "WRONG" in row
        return int(bool(wrong))
    seed = options.seed or f"{random.SystemRandom().randrange(10**6)}"
    # Each failure of the server is logged, too.
    logging.getLogger("inngest_rest").setLevel(logging.CRITICAL)
    say(f"{options.minutes:g} minutes, seed {seed}")
    soak = Soak(options.minutes * 60, seed)
    try:
        asyncio.run(soak.run())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if soak.wrong:
        print(f"\n{len(soak.wrong)} things are wrong:", file=sys.stderr)
        print(*(f"  {each}" for each in soak.wrong[:MOST_SHOWN]), sep="\n", file=sys.stderr)
        return 1
    say("Every event is accounted for, and nothing is left open.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
