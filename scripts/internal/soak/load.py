"""The work of one lap of scripts/soak: threads and tasks that share clients and buffers.

What they do is written once, for the asynchronous client. With the blocking one, everything that is
awaited is there at once, so that a thread runs it to its end in a single step.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from inngest_rest import (
    AsyncEventBuffer,
    AsyncInngestClient,
    BatchReport,
    EventBuffer,
    InngestClient,
    InngestError,
    PartialSendError,
    RetryPolicy,
)
from scripts.internal.soak.books import KEPT, NOT_STORED, UNKNOWN, Books

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

RETRIES = RetryPolicy(retries=3, initial=0.01, maximum=0.1, total=10)
THREADS = 8
TASKS = 40

# Seconds within which everything that waits is sent, once the server is well.
PATIENCE = 120.0


def note_send_error(books: Books, events: list[dict[str, Any]], error: InngestError) -> None:
    """Note what an error of `send` says of the events."""
    # That of a single event is its own, and has the report as its cause.
    partial = error if isinstance(error, PartialSendError) else error.__cause__
    if isinstance(partial, PartialSendError):
        books.accepted(events, partial.ids)
        books.failed(partial.report.failures, partial.report)
    else:
        books.say(events, NOT_STORED)


async def result_of(called: Any) -> Any:
    """Return what a method of either client returns."""
    return await called if inspect.isawaitable(called) else called


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Run what awaits nothing but results of the blocking client."""
    with suppress(StopIteration):
        work.send(None)


class Load:
    """What threads, or the tasks of a loop, share: a client, and buffers in memory and in a file.

    Args:
        url: The server.
        folder: Where the buffer's file is.
        is_async: Whether the client is the asynchronous one.
    """

    def __init__(self, url: str, folder: Path, *, is_async: bool) -> None:
        self._url = url
        self._is_async = is_async
        self._client: Any = (AsyncInngestClient if is_async else InngestClient)(
            dev=url, retries=RETRIES, timeout=5
        )
        buffer: Any = AsyncEventBuffer if is_async else EventBuffer
        self._buffers = [
            buffer(self._client, store, batch_size=50, max_age=0.05, on_batch=self._on_batch)
            for store in (None, folder / f"{buffer.__name__}.db")
        ]
        self._acts = [*[self._send] * 6, self._send_many, *[self._add] * 4]
        if not is_async:
            self._acts.append(self._come_and_go)
        self.books = Books(0)

    def _on_batch(self, batch: BatchReport) -> None:
        self.books.rejected_by_a_buffer(batch)

    async def work(self, rounds: int, seed: str) -> None:
        """Do the work of one thread or task in a lap."""
        chance = random.Random(seed)  # noqa: S311
        try:
            for _ in range(rounds):
                await chance.choice(self._acts)(chance)
        except Exception as error:  # noqa: BLE001 - reported at the end of the lap
            self.books.wrong.append(f"{seed} ended with {error!r}")

    def _patience(
        self, chance: random.Random, share: float, per_second: float
    ) -> AbstractAsyncContextManager[object]:
        """Return what cancels a share of the calls, soon; a blocking call cannot be cancelled."""
        if self._is_async and chance.random() < share:
            return asyncio.timeout(chance.expovariate(per_second))
        return nullcontext()

    def _events(
        self, chance: random.Random, at_most: int, *, refused: float = 0.03
    ) -> list[dict[str, Any]]:
        """Make some events, of which the server refuses a part."""
        count = chance.randint(1, at_most)
        return [self.books.event(is_refused=chance.random() < refused) for _ in range(count)]

    async def _send(self, chance: random.Random) -> None:
        events = self._events(chance, 10)
        batch_size = chance.choice([3, 500])
        try:
            async with self._patience(chance, 0.1, 100):
                ids = await result_of(self._client.send(events, batch_size=batch_size))
        except TimeoutError:
            self.books.say(events, UNKNOWN)
            return
        except InngestError as error:
            note_send_error(self.books, events, error)
            return
        self.books.accepted(events, ids)
        with suppress(InngestError):
            stored = await result_of(self._client.events.get(ids[0]))
            if stored.id != events[0]["id"]:
                self.books.wrong.append(f"{stored.id} was the answer to {events[0]['id']}")

    async def _send_many(self, chance: random.Random) -> None:
        events = self._events(chance, 60)
        seen = set[int]()
        with suppress(TimeoutError, InngestError):
            async with self._patience(chance, 0.2, 30):
                sending = self._client.send_many(
                    events,
                    batch_size=7,
                    in_flight=chance.randint(1, 3),
                    on_batch=lambda batch: seen.update(self.books.batch(events, batch)),
                )
                await result_of(sending)
        if seen != set(range(len(seen))):
            self.books.wrong.append(f"send_many reported {sorted(seen)} of {len(events)}")
        self.books.say(events[len(seen) :], NOT_STORED)

    async def _add(self, chance: random.Random) -> None:
        buffer = chance.choice(self._buffers)
        # None is refused: the report of a buffer that lives long may keep 1,000 of those.
        events = self._events(chance, 10, refused=0)
        self.books.say(events, KEPT)
        for event in events:
            await result_of(buffer.add(event))

    async def _come_and_go(self, chance: random.Random) -> None:
        """Use a client and a buffer that live as long as a request of a program."""
        reports: list[BatchReport] = []
        events = self._events(chance, 10)
        self.books.say(events, KEPT)
        with InngestClient(dev=self._url, retries=RETRIES) as client:
            with EventBuffer(client, batch_size=4, on_batch=reports.append) as buffer:
                for event in events:
                    buffer.add(event)
            for batch in reports:
                self.books.batch(events, batch)

    async def flush(self) -> None:
        for buffer in self._buffers:
            if not await result_of(buffer.flush(PATIENCE)):
                self.books.wrong.append(f"{buffer!r} has {buffer.pending} events left")

    async def close(self) -> None:
        for buffer in self._buffers:
            await result_of(buffer.aclose(PATIENCE) if self._is_async else buffer.close(PATIENCE))
        await result_of(self._client.aclose() if self._is_async else self._client.close())
