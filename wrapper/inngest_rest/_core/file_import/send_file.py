"""`send_file`: the lines of a file go out as batches, and a checkpoint records the progress.

    lines           reads the file as lines
    ndjson          turns lines into events, each with an id that is the same every time
    rejected_lines  keeps the lines that were rejected
    checkpoint      keeps the place before which nothing is left to do

Batches are reported in order, so one place is enough: the end of the last batch before the first
event with an unknown outcome.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from inngest_rest._core.actions.send_many import SendJob
from inngest_rest._core.arguments import check_text, invalid
from inngest_rest._core.file_import.checkpoint import Checkpoint, Progress
from inngest_rest._core.file_import.lines import STDIN, Lines, Part
from inngest_rest._core.file_import.ndjson import NdjsonEncoder
from inngest_rest._core.file_import.rejected_lines import Marks, RejectedLines
from inngest_rest._core.sending.batching import DEFAULT_BYTES, Batch
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from inngest_rest._core.actions.send_many import SendOptions
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.sending.outcomes import BatchOutcome
    from inngest_rest.reports import SendReport

logger = logging.getLogger("inngest_rest")

AnyPath = str | os.PathLike[str]

# Seconds between two checkpoints; what lies between may be sent twice, but runs once.
_SAVE_EVERY = 1.0


class ImportOptions(NamedTuple):
    """What to do with a file, checked."""

    path: str
    name: str
    rejected: Path
    resume: bool


def check_options(
    path: AnyPath, name: str | None, dead_letters: AnyPath | None, *, resume: bool
) -> ImportOptions:
    """Check the arguments of `send_file`."""
    source = os.fspath(path)
    check_text("path", source)
    name = check_text("name", name)
    if source == STDIN:
        if name is None:
            raise InvalidArgumentError(
                "standard input has no name to make the ids of its events from: pass name=",
                argument="name",
            )
        if resume:
            raise InvalidArgumentError(
                "standard input cannot be resumed: send a file instead", argument="resume"
            )
    else:
        name = name or Path(source).name
    rejected = rejected_path(source, name, dead_letters)
    if source != STDIN and rejected.absolute() == Path(source).absolute():
        raise invalid("dead_letters", "must not be the file that is sent")
    return ImportOptions(source, name, rejected, resume)


def rejected_path(source: str, name: str, dead_letters: AnyPath | None = None) -> Path:
    """Return where rejected lines go: beside the file, or in this folder by the import's name."""
    beside = re.sub(r"[^\w.-]", "_", name) if source == STDIN else source
    return Path(dead_letters or f"{beside}.rejected.ndjson")


def send_file(
    driver: Driver, session: Session, options: ImportOptions, send_options: SendOptions
) -> SendReport:
    """Send the events of a file."""
    with _Import(session, options, send_options) as job:
        report = SendJob(session, job.batches(), job.send_options).run(driver)
        job.finish()
    return report


async def send_file_async(
    driver: AsyncDriver,
    session: Session,
    options: ImportOptions,
    send_options: SendOptions,
) -> SendReport:
    """Send the events of a file."""
    opening = _Opening(session, options, send_options)
    try:
        # It may wait as well: for a pipe's other end, or for gzip to be read up to a checkpoint.
        opened = await asyncio.to_thread(opening.open)
    except asyncio.CancelledError:
        opening.abandon()
        raise
    with opened as job:
        source = job.batches() if job.is_regular else _in_thread(job.batches())
        report = await SendJob(session, source, job.send_options).run_async(driver)
        job.finish()
    return report


async def _in_thread(batches: Iterator[Batch]) -> AsyncIterator[Batch]:
    """Read in a thread, since a pipe may be silent for a long time."""
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        yield batch


class _Opening:
    """Opens an import in a thread, which goes on if its caller is cancelled.

    Args:
        arguments: Those of the import.
    """

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._lock = threading.Lock()
        self._import: _Import | None = None
        self._is_abandoned = False

    def open(self) -> _Import:
        job = _Import(*self._arguments)
        with self._lock:
            self._import = job
            if self._is_abandoned:
                job.close()
        return job

    def abandon(self) -> None:
        """Close the import, now or once it is open, so that another may send the file."""
        with self._lock:
            self._is_abandoned = True
            if self._import is not None:
                self._import.close()


class _Import:
    """One run of `send_file`.

    Attributes:
        send_options: The options for `send_many`, which records each batch here first.
    """

    def __init__(self, session: Session, options: ImportOptions, send_options: SendOptions) -> None:
        self.send_options = send_options._replace(on_outcome=self._record)
        self._on_outcome = send_options.on_outcome
        self._batch_size = send_options.batch_size
        self._path = options.path
        self._encoder = NdjsonEncoder(options.name, session.name_convention)
        self._parts: deque[Part] = deque()
        self._clock = session.clock
        self._resume = options.resume
        self._lines = Lines(options.path)
        try:
            self._lines.lock()
            self._checkpoint = self._make_checkpoint(options)
            progress = self._checkpoint and options.resume and self._checkpoint.load(self._lines)
            self._rejected = RejectedLines(options.rejected, progress.marks if progress else None)
        except BaseException:
            self._lines.close()
            raise
        self._place, self._kept = self._lines.place, self._rejected.mark
        self._saved = self._progress
        self._save_at = self._clock.monotonic()
        self._is_whole = True

    def _make_checkpoint(self, options: ImportOptions) -> Checkpoint | None:
        if self._lines.is_regular:
            path = Path(f"{options.path}.checkpoint")
            return Checkpoint(
                path, name=options.name, head=self._lines.head, rejected=options.rejected
            )
        if options.resume:
            raise InvalidArgumentError(
                f"{options.path} is not a regular file: it cannot be resumed", argument="resume"
            )
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.close()
        self._save()
        if error is not None and self._checkpoint is not None:
            begin = self._place.line + 1
            error.add_note(f"send_file(..., resume=True) goes on at line {begin:,}")

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        self._rejected.close()

    @property
    def _progress(self) -> Progress:
        return Progress(self._place, Marks(self._kept, self._rejected.mark))

    @property
    def is_regular(self) -> bool:
        """Whether reading never waits for a writer, as it may with a pipe."""
        return self._lines.is_regular

    def batches(self) -> Iterator[Batch]:
        """Yield batches as they fill."""
        for read in self._lines.parts(self._batch_size, DEFAULT_BYTES):
            part = self._without_torn_line(read) if self._resume else read
            batch = self._encoder.batch(part)
            # All of it may have been blank.
            if batch.positions or batch.refused:
                self._parts.append(part)
                yield batch

    def _without_torn_line(self, part: Part) -> Part:
        """Leave a last line that is still being written to the next import."""
        if not part.is_torn:
            return part
        if part.lines[-1].strip():
            message = "%s ends in the middle of line %d; resume once it is complete"
            logger.warning(message, self._path, part.end.line)
        return part.without_last_line()

    def _part_of(self, batch: Batch) -> Part:
        """Return the part that a batch was made of; an interrupt may have lost those before it."""
        any_line = batch.positions[0] if batch.positions else batch.refused[0].position
        while (part := self._parts.popleft()).end.line < any_line:
            self._is_whole = False
        return part

    def _record(self, outcome: BatchOutcome) -> None:
        """Write down what was rejected, then that this part is done."""
        part = self._part_of(outcome.batch)
        # Should writing fail, this part is not done.
        is_whole, self._is_whole = self._is_whole, False
        for number, reason in outcome.rejections():
            self._rejected.add(part.lines[number - part.start.line - 1], number, reason)
        self._rejected.flush()
        self._is_whole = is_whole and outcome.known == len(outcome.each)
        if self._is_whole:
            self._place, self._kept = part.end, self._rejected.mark
            if self._clock.monotonic() >= self._save_at:
                self._save()
        self._on_outcome(outcome)

    def _save(self) -> None:
        """Write the checkpoint, if there is one and anything is new."""
        progress = self._progress
        if self._checkpoint is None or progress == self._saved:
            return
        self._rejected.sync()
        try:
            self._checkpoint.save(progress)
        except OSError:
            if self._resume:
                raise
            logger.warning("cannot write the checkpoint %s", self._checkpoint.path)
            self._checkpoint = None
        self._saved = progress
        self._save_at = self._clock.monotonic() + _SAVE_EVERY

    def finish(self) -> None:
        """Remove the checkpoint, unless resuming was asked for or work is left."""
        if self._is_whole and not self._resume and self._checkpoint is not None:
            self._checkpoint.remove()
            self._checkpoint = None
