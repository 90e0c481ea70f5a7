"""The work of one lap of scripts/soak: threads and tasks that share clients and buffers."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from inngest_rest import (
    AsyncEventBuffer,
    AsyncInngestClient,
    EventBuffer,
    InngestClient,
    InngestError,
    PartialSendError,
    RetryPolicy,
)
from scripts.internal.soak.books import KEPT, NOT_STORED, UNKNOWN, Books

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest import BatchReport

RETRIES = RetryPolicy(retries=3, initial=0.01, maximum=0.1, total=10)
THREADS = 8
TASKS = 40

# Seconds within which everything that waits is sent, once the server is well.
PATIENCE = 120.0


def events_of(
    books: Books, chance: random.Random, at_most: int, *, refused: float = 0.03
) -> list[dict[str, Any]]:
    """Make some events, of which the server refuses a part."""
    count = chance.randint(1, at_most)
    return [books.event(is_refused=chance.random() < refused) for _ in range(count)]


def note_send_error(books: Books, events: list[dict[str, Any]], error: InngestError) -> None:
    """Note what an error of `send` says of the events."""
    # That of a single event is its own, and has the report as its cause.
    partial = error if isinstance(error, PartialSendError) else error.__cause__
    if isinstance(partial, PartialSendError):
        books.accepted(events, partial.ids)
        books.failed(partial.report.failures, partial.report)
    else:
        books.say(events, NOT_STORED)


def note_rest(books: Books, events: list[dict[str, Any]], seen: set[int]) -> None:
    """Note the events behind those that a `send_many` has reported."""
    if seen != set(range(len(seen))):
        books.wrong.append(f"send_many reported {sorted(seen)} of {len(events)}")
    books.say(events[len(seen) :], NOT_STORED)


class Blocking:
    """What the threads share: a client, and its buffers in memory and in a file.

    Args:
        url: The server.
        folder: Where the buffer's file is.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._client = InngestClient(dev=url, retries=RETRIES, timeout=5)
        self._books = Books(0)
        self._buffers = [
            EventBuffer(self._client, store, batch_size=50, max_age=0.05, on_batch=self._tell)
            for store in (None, folder / "blocking.db")
        ]

    def _tell(self, batch: BatchReport) -> None:
        self._books.rejected_by_a_buffer(batch)

    def start(self, books: Books, rounds: int, seed: str) -> list[threading.Thread]:
        """Start the threads of a lap."""
        self._books = books
        chances = [random.Random(f"{seed} thread {number}") for number in range(THREADS)]  # noqa: S311
        threads = [threading.Thread(target=self._work, args=(rounds, chance)) for chance in chances]
        for thread in threads:
            thread.start()
        return threads

    def _work(self, rounds: int, chance: random.Random) -> None:
        books = self._books
        try:
            for _ in range(rounds):
                how = chance.choices(
                    [self._send, self._send_many, self._add, self._come_and_go], [6, 1, 4, 1]
                )
                how[0](chance)
        except BaseException as error:  # noqa: BLE001 - reported at the end of the lap
            books.wrong.append(f"a thread ended with {error!r}")

    def _send(self, chance: random.Random) -> None:
        events = events_of(self._books, chance, 10)
        try:
            ids = self._client.send(events, batch_size=chance.choice([3, 500]))
        except InngestError as error:
            note_send_error(self._books, events, error)
            return
        self._books.accepted(events, ids)
        try:
            stored = self._client.events.get(ids[0])
        except InngestError:
            return
        if stored.id != events[0]["id"]:
            self._books.wrong.append(f"{stored.id} was the answer to {events[0]['id']}")

    def _send_many(self, chance: random.Random) -> None:
        events = events_of(self._books, chance, 60)
        seen = set[int]()
        with suppress(InngestError):
            self._client.send_many(
                events,
                batch_size=7,
                in_flight=chance.randint(1, 3),
                on_batch=lambda batch: seen.update(self._books.batch(events, batch)),
            )
        note_rest(self._books, events, seen)

    def _add(self, chance: random.Random) -> None:
        buffer = chance.choice(self._buffers)
        # None is refused: the report of a buffer that lives long may keep 1,000 of those.
        events = events_of(self._books, chance, 10, refused=0)
        self._books.say(events, KEPT)
        for event in events:
            buffer.add(event)

    def _come_and_go(self, chance: random.Random) -> None:
        """Use a client and a buffer that live as long as a request of a program."""
        told: list[BatchReport] = []
        events = events_of(self._books, chance, 10)
        self._books.say(events, KEPT)
        with InngestClient(dev=self.url, retries=RETRIES) as client:
            with EventBuffer(client, batch_size=4, on_batch=told.append) as buffer:
                for event in events:
                    buffer.add(event)
            for batch in told:
                self._books.batch(events, batch)

    def flush(self) -> None:
        for buffer in self._buffers:
            if not buffer.flush(PATIENCE):
                self._books.wrong.append(f"{buffer!r} has {buffer.pending} events left")

    def close(self) -> None:
        for buffer in self._buffers:
            buffer.close(PATIENCE)
        self._client.close()


class Tasks:
    """What the tasks of an event loop share.

    Args:
        url: The server.
        folder: Where the buffer's file is.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._client = AsyncInngestClient(dev=url, retries=RETRIES, timeout=5)
        self._books = Books(0)
        self._buffers = [
            AsyncEventBuffer(self._client, store, batch_size=50, max_age=0.05, on_batch=self._tell)
            for store in (None, folder / "tasks.db")
        ]

    def _tell(self, batch: BatchReport) -> None:
        self._books.rejected_by_a_buffer(batch)

    async def work(self, books: Books, rounds: int, seed: str) -> None:
        """Do the work of a lap."""
        self._books = books
        chances = [random.Random(f"{seed} task {number}") for number in range(TASKS)]  # noqa: S311
        await asyncio.gather(*(self._work(rounds, chance) for chance in chances))

    async def _work(self, rounds: int, chance: random.Random) -> None:
        try:
            for _ in range(rounds):
                how = chance.choices([self._send, self._send_many, self._add], [6, 1, 4])
                await how[0](chance)
        except Exception as error:  # noqa: BLE001 - reported at the end of the lap
            self._books.wrong.append(f"a task ended with {error!r}")

    async def _send(self, chance: random.Random) -> None:
        events = events_of(self._books, chance, 10)
        # Some are cancelled.
        patience = chance.expovariate(100) if chance.random() < 0.1 else None
        try:
            async with asyncio.timeout(patience):
                ids = await self._client.send(events, batch_size=chance.choice([3, 500]))
        except TimeoutError:
            self._books.say(events, UNKNOWN)
            return
        except InngestError as error:
            note_send_error(self._books, events, error)
            return
        self._books.accepted(events, ids)
        try:
            stored = await self._client.events.get(ids[0])
        except InngestError:
            return
        if stored.id != events[0]["id"]:
            self._books.wrong.append(f"{stored.id} was the answer to {events[0]['id']}")

    async def _send_many(self, chance: random.Random) -> None:
        events = events_of(self._books, chance, 60)
        seen = set[int]()
        patience = chance.expovariate(30) if chance.random() < 0.2 else None
        with suppress(TimeoutError, InngestError):
            async with asyncio.timeout(patience):
                await self._client.send_many(
                    events,
                    batch_size=7,
                    in_flight=chance.randint(1, 3),
                    on_batch=lambda batch: seen.update(self._books.batch(events, batch)),
                )
        note_rest(self._books, events, seen)

    async def _add(self, chance: random.Random) -> None:
        buffer = chance.choice(self._buffers)
        # None is refused: the report of a buffer that lives long may keep 1,000 of those.
        events = events_of(self._books, chance, 10, refused=0)
        self._books.say(events, KEPT)
        for event in events:
            await buffer.add(event)

    async def flush(self) -> None:
        for buffer in self._buffers:
            if not await buffer.flush(PATIENCE):
                self._books.wrong.append(f"{buffer!r} has {buffer.pending} events left")

    async def close(self) -> None:
        for buffer in self._buffers:
            await buffer.aclose(PATIENCE)
        await self._client.aclose()
