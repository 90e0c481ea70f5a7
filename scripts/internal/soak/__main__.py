"""Send in every way for many minutes while the server fails, and account for every event.

Eight threads share a blocking client, forty tasks an asynchronous one, each with a buffer in memory
and one in a file. They send to a mock server on a real socket, in a process of its own, that loses
answers, breaks connections and responds with errors; some calls are cancelled. The work comes in
laps of equal size. After each lap the faults end, the buffers are flushed, and every event
must be accepted by its id and run once per function, or be reported as rejected or unknown. Then
the server makes room for a new one, and the process measures itself: memory, objects, descriptors
and threads must not grow.

Exit status: 0 all was well; 1 something was not; 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from scripts.internal.soak.books import Books
from scripts.internal.soak.load import Blocking, Tasks
from scripts.internal.soak.samples import ENOUGH_LAPS, Sample, growth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Work of each thread and task in a lap.
ROUNDS_OF_A_THREAD = 25
ROUNDS_OF_A_TASK = 6

MOST_SHOWN = 20


class Server:
    """The process with the mock server."""

    def __init__(self, seed: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.internal.soak.server", seed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, command: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ConnectionError("the server's process is gone")
        return json.loads(line)


class Soak:
    """A soak, lap by lap.

    Args:
        seconds: No lap begins after so many.
        seed: Decides about the work and the faults; threads run as they like.
        say: Prints a line.
    """

    def __init__(self, seconds: float, seed: str, say: Callable[[str], object]) -> None:
        self._seconds = seconds
        self._seed = seed
        self._say = say
        self._samples: list[Sample] = []
        self._counts = [0, 0, 0]
        self.wrong: list[str] = []

    def run(self) -> None:
        before = Sample.take()
        with Server(self._seed) as server, tempfile.TemporaryDirectory() as folder:
            asyncio.run(self._all_laps(server, Path(folder)))
        after = Sample.take()
        for what, left, had in (
            ("descriptors", after.descriptors, before.descriptors),
            ("threads", after.threads, before.threads),
        ):
            if left > had:
                self.wrong.append(f"{left} {what} after everything was closed, {had} before")
        self._judge()

    async def _all_laps(self, server: Server, folder: Path) -> None:
        end = time.monotonic() + self._seconds
        url: str = (await asyncio.to_thread(server.ask, "start 0"))["url"]
        port = url.rpartition(":")[2]
        blocking, tasks = Blocking(url, folder), Tasks(url, folder)
        self._say(" lap   events  requests  failed      MiB  objects  descriptors  threads  tasks")
        lap = 1
        while True:
            await self._lap(lap, server, blocking, tasks)
            if time.monotonic() >= end or self.wrong:
                break
            await asyncio.to_thread(server.ask, f"start {port}")
            lap += 1
        await asyncio.to_thread(blocking.close)
        await tasks.close()

    async def _lap(self, lap: int, server: Server, blocking: Blocking, tasks: Tasks) -> None:
        books = Books(lap)
        threads = blocking.start(books, ROUNDS_OF_A_THREAD, f"{self._seed} {lap}")
        await tasks.work(books, ROUNDS_OF_A_TASK, f"{self._seed} {lap}")
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await asyncio.to_thread(server.ask, "mend")
        await asyncio.to_thread(blocking.flush)
        await tasks.flush()
        facts = await asyncio.to_thread(server.ask, "stop")
        self.wrong += [f"lap {lap}: {each}" for each in books.check(facts)]
        counts = [len(books), facts["requests"], facts["struck"]]
        self._counts = [sum(pair) for pair in zip(self._counts, counts, strict=True)]
        del books, facts, threads
        self._samples.append(sample := Sample.take())
        self._say(
            "{:4} {:8,} {:9,} {:7,} {:8.1f} {:8,} {:12} {:8} {:6}".format(lap, *counts, *sample)
        )

    def _judge(self) -> None:
        count = len(self._samples)
        events, requests, struck = self._counts
        self._say(
            f"\n{count} laps: {events:,} events in {requests:,} requests, {struck:,} of which "
            "failed."
        )
        if count < ENOUGH_LAPS:
            self._say(f"Fewer than {ENOUGH_LAPS} laps: nothing is said about growth.")
        for each in growth(self._samples):
            self._say(str(each))
            if each.is_too_much:
                self.wrong.append(f"{each.measure} grew from {each.early:,.1f} to {each.late:,.1f}")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="default: 20")
    parser.add_argument("--seed", default=None, help="repeats the choices of another soak")
    options = parser.parse_args(arguments)
    seed = options.seed or f"{random.SystemRandom().randrange(10**6)}"
    # Each failure of the server is logged, too.
    logging.getLogger("inngest_rest").setLevel(logging.CRITICAL)
    for name in [each for each in os.environ if each.startswith("INNGEST_")]:
        del os.environ[name]
    print(f"{options.minutes:g} minutes, seed {seed}", flush=True)
    soak = Soak(options.minutes * 60, seed, lambda line: print(line, flush=True))
    try:
        soak.run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if soak.wrong:
        print(f"\n{len(soak.wrong)} things are wrong:", file=sys.stderr)
        print(*(f"  {each}" for each in soak.wrong[:MOST_SHOWN]), sep="\n", file=sys.stderr)
        return 1
    print("Every event is accounted for, and nothing is left open.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
