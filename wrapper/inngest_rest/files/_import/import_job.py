"""Send the lines of a file in batches, with progress kept in a checkpoint.

Batches are reported in order, so one position suffices, before which everything is done: the end of
the last batch before the first event of unknown outcome. The checkpoint and the rejected lines are
files beside the input. They hold events, so only their owner can read them.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, cast

from inngest_rest._core.sending.job import SendJob
from inngest_rest._local.arguments import invalid
from inngest_rest._local.limits import DEFAULT_BYTES, DEFAULT_EVENTS
from inngest_rest._values.logs import logger
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.files._import.checkpoint import Checkpoint
from inngest_rest.files._import.encoder import NdjsonEncoder
from inngest_rest.files._import.rejected_lines import RejectedLines

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.sending.batching import Batch, BatchOutcome
    from inngest_rest._core.sending.job import SendOptions
    from inngest_rest.files._import.lines import Chunk, Position
    from inngest_rest.files._import.options import ImportOptions
    from inngest_rest.reports import SendReport

_SAVE_EVERY_SECONDS = 1.0


def batches_of_file(session: Session, options: ImportOptions) -> Iterator[Batch]:
    """Yield the events of a file as they would be sent."""
    with closing(options.open()) as lines:
        encoder = NdjsonEncoder(
            options.name, session.name_convention, first=lines.first
        )
        yield from map(encoder.batch, lines.chunks(DEFAULT_EVENTS, DEFAULT_BYTES))


async def _in_thread(batches: Iterator[Batch]) -> AsyncIterator[Batch]:
    while True:
        batch = await asyncio.to_thread(next, batches, None)
        if batch is None:
            return
        yield batch


class ImportJob(SendJob):
    """Sends a file; each batch is recorded before it is reported."""

    def __init__(
        self, session: Session, options: ImportOptions, sending: SendOptions
    ) -> None:
        super().__init__(session, (), sending)
        self._options = options
        self._now = session.clock.monotonic
        self._reads_in_thread = False

    def _open(self) -> None:
        options = self._options
        self._lines = options.open()
        self._encoder = NdjsonEncoder(
            options.name, self.session.name_convention, first=self._lines.first
        )
        try:
            self._lines.lock()
            self._checkpoint: Checkpoint | None = None
            if self._lines.is_regular:
                self._checkpoint = Checkpoint(options)
            states = None
            if options.resume:
                if self._checkpoint is None:
                    reason = "is not a regular file: it cannot be resumed"
                    raise invalid(options.path, reason, argument="resume")
                states = self._checkpoint.load(self._lines)
            self._rejected = RejectedLines(options.rejected, states)
            self._position = self._lines.position  # before it, everything is done
            self._end = self._lines.position  # of the last batch that was read
            self._saved = (self._position, states or self._rejected.states)
            # If rejected lines were set aside, what the checkpoint says of them has changed.
            self._save()
            self._save_at = self._now()
        except BaseException:
            self._lines.close()
            raise

    def run(self, driver: Driver) -> SendReport:
        self._open()
        return super().run(driver)

    async def run_async(self, driver: AsyncDriver) -> SendReport:
        # In a thread: it may block on a pipe's other end, or on decompressing up to a checkpoint.
        opening = driver.loop().run_in_executor(None, self._open)
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread keeps running; closing releases the lock for another import.
            if opening.done():
                self._close_opened(opening)
            else:
                opening.add_done_callback(self._close_opened)
            raise
        # A read of a pipe blocks on its writer.
        self._reads_in_thread = not self._lines.is_regular
        return await super().run_async(driver)

    async def collect(self) -> Iterable[Batch] | AsyncIterable[Batch]:
        batches = self._batches_of_lines()
        return _in_thread(batches) if self._reads_in_thread else batches

    def interrupted(self, error: BaseException) -> None:
        self.close()
        if self._checkpoint:
            begin = self._position.line + self._lines.first
            error.add_note(f"send_file(..., resume=True) continues at line {begin:,}")

    def finish(self) -> SendReport:
        """Remove the checkpoint, unless the caller resumes or work is left."""
        if self.stopped_by is not None:
            self.interrupted(self.stopped_by)
        else:
            self._lines.check_all_read()
        report = super().finish()
        is_done = self._position == self._end
        if is_done and self._checkpoint and not self._options.resume:
            self._checkpoint.delete()
            self._checkpoint = None
        return report

    def close(self) -> None:
        self._lines.close()
        try:
            self._rejected.close()
        except InvalidArgumentError:
            self._checkpoint = None  # it would say that more is written than is
            raise
        self._save()

    def _close_opened(self, opening: asyncio.Future[None]) -> None:
        if opening.exception() is None:
            self.close()

    def _batches_of_lines(self) -> Iterator[Batch]:
        for chunk in self._lines.chunks(self.batch_size, DEFAULT_BYTES):
            batch = self._encoder.batch(chunk)
            # The file may be all blank lines.
            if batch.positions or batch.invalid:
                origin = (self._end, chunk)
                self._end = chunk.end
                yield batch._replace(origin=origin, share=self._lines.share())
        if self._lines.unfinished:
            # Left to the next import.
            logger.warning("%s %s", self._options.path, self._lines.unfinished)

    def notify(self, outcome: BatchOutcome) -> object:
        """Write rejected lines, then mark the chunk as done."""
        begin, chunk = cast("tuple[Position, Chunk]", outcome.batch.origin)
        # In this order: if writing fails, the chunk is not done.
        first = chunk.start.line + self._lines.first
        for failure in outcome.report.failures:
            if failure.outcome == "rejected":
                line = chunk.lines[failure.position - first]
                self._rejected.add(line, failure.position, failure.reason)
        self._rejected.flush()
        # The position stays before a batch of unknown outcome, or one lost by an interrupt.
        follows_position = begin == self._position
        is_known = outcome.known == len(outcome.each)
        if follows_position and is_known and chunk.is_final:
            self._position = chunk.end
            self._rejected.keep()
            if self._now() >= self._save_at:
                self._save()
        return super().notify(outcome)

    def _save(self) -> None:
        """Write the checkpoint, if there is one and it has changed."""
        states = self._rejected.states
        progress = (self._position, states)
        if self._checkpoint is None or progress == self._saved:
            return
        self._rejected.flush(to_disk=True)
        try:
            self._checkpoint.save(self._position, self._lines.head, states)
        except InvalidArgumentError:
            if self._options.resume:
                raise
            logger.warning("cannot write the checkpoint %s", self._checkpoint.path)
            self._checkpoint = None
        self._saved = progress
        # Events in between may be sent twice, with their ids.
        self._save_at = self._now() + _SAVE_EVERY_SECONDS
