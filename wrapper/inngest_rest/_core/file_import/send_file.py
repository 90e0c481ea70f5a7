"""`send_file`: send the lines of a file in batches, with progress kept in a checkpoint.

So does `send_many` with a checkpoint, the events of a program.

    lines     reads lines, or makes them of rows: of CSV, of Parquet, of a program's events
    progress  keeps the position before which everything is done, and the rejected lines

Batches are reported in order, so one position suffices: the end of the last batch before the first
event of unknown outcome.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
from binascii import hexlify
from collections.abc import AsyncIterable
from contextlib import closing
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from xxhash import xxh3_64_digest

from inngest_rest._core.arguments import NameConvention, check_path, check_text, invalid
from inngest_rest._core.bulk.job import SendJob
from inngest_rest._core.file_import.lines import (
    STDIN,
    Chunk,
    EventRows,
    Lines,
    Position,
    RefusedLine,
    Table,
    may_be_incomplete,
)
from inngest_rest._core.file_import.progress import Checkpoint, RejectedLines
from inngest_rest._core.json_text import decode, decode_or_recurse
from inngest_rest._core.sending.batching import DEFAULT_BYTES, DEFAULT_EVENTS, Batch
from inngest_rest._core.sending.event_json import MAX_EVENT_BYTES, encode, fields_of
from inngest_rest._core.sending.send import each_event
from inngest_rest.errors import InngestError, InvalidArgumentError, InvalidEventError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.sending.batching import BatchOutcome
    from inngest_rest.event import EventLike
    from inngest_rest.reports import SendReport

logger = logging.getLogger("inngest_rest")

AnyPath = str | os.PathLike[str]

# Seconds between checkpoints; events in between may be sent twice, with their ids.
_SAVE_EVERY = 1.0

# A row of CSV at the beginning of a file, rather than JSON with a mistake in it.
_HEADER = re.compile(rb"[^\x00-\x08{\[\n]*[,;\t][^\x00-\x08{\[\n]*\n")

# Longest line sent byte for byte; it leaves room for an id.
_MAX_PLAIN = MAX_EVENT_BYTES - 64

# Lines validated together: decoded, they fit into the CPU cache, and are too few to trigger the
# garbage collector.
_GROUP = 128


class ImportOptions(NamedTuple):
    """Validated arguments of `send_file`, or of `send_many` with a checkpoint."""

    path: str
    name: str
    rejected: Path
    resume: bool
    checkpoint: str
    open: Callable[[], Lines | EventRows]
    continues: str = "send_file(..., resume=True) continues at line"
    events: Iterable[EventLike] | AsyncIterable[EventLike] = ()


def check_rows(
    events: Iterable[EventLike] | AsyncIterable[EventLike], checkpoint: AnyPath
) -> ImportOptions:
    check_path("checkpoint", checkpoint)
    path = os.fspath(checkpoint)
    events = events if isinstance(events, AsyncIterable) else each_event(events)
    about = path, Path(path).name, rejected_path(path, ""), True, path
    opened = partial(EventRows, path, events)
    return ImportOptions(*about, opened, "the same call continues at", events)


def check_options(
    path: AnyPath,
    name: str | None,
    dead_letters: AnyPath | None,
    event: str | None,
    columns: Iterable[str] | None,
    *,
    csv: bool,
    resume: bool,
) -> ImportOptions:
    source = os.fspath(path)
    check_text("path", source)
    table = Table.of(event, columns) if csv or event is not None or columns else None
    name = check_text("name", name)
    if source == STDIN:
        if name is None:
            why = "standard input has no name to derive event ids from: pass name="
            raise InvalidArgumentError(why, argument="name")
        if resume:
            why = "cannot be resumed: send a file instead"
            raise invalid("standard input", why, argument="resume")
    else:
        name = name or Path(source).name
    rejected = rejected_path(source, name, dead_letters)
    if source != STDIN and rejected.absolute() == Path(source).absolute():
        raise invalid("dead_letters", "must not be the input file")
    beside = f"{source}.checkpoint"
    opened = partial(_open, source, table, beside)
    return ImportOptions(source, name, rejected, resume, beside, opened)


def _open(path: str, table: Table | None, checkpoint: str) -> Lines | EventRows:
    """Open a file as what it is; refuse a table if the name of its events is not known."""
    lines = Lines(path)
    try:
        is_parquet = lines.start.startswith(b"PAR1")
        if table is None and (is_parquet or _HEADER.match(lines.start)):
            csv = "" if is_parquet else " --csv"
            command = f"send-file {shlex.quote(path)}{csv} --event shop/order.created"
            how = f"`inngest-rest {command}` sends its rows as events"
            raise invalid(path, f"is a table, not JSON lines: {how}", argument="event")
        if table is None:
            return lines
        events = table.parquet(lines) if is_parquet else table.csv(lines)
        return EventRows(checkpoint, events, 1 if is_parquet else 2, lines)
    except BaseException:
        lines.close()
        raise


def rejected_path(source: str, name: str, dead_letters: AnyPath | None = None) -> Path:
    """Return the path of rejected lines: beside the file; for other input, in this folder."""
    beside = re.sub(r"[^\w.-]", "_", name) if source == STDIN else source
    return Path(dead_letters or f"{beside}.rejected.ndjson")


def batches_of_file(session: Session, options: ImportOptions) -> Iterator[Batch]:
    """Yield the events of a file as they would be sent."""
    with closing(options.open()) as lines:
        encoder = NdjsonEncoder(options.name, session.name_convention, first=lines.first)
        yield from map(encoder.batch, lines.chunks(DEFAULT_EVENTS, DEFAULT_BYTES))


async def _in_thread(batches: Iterator[Batch]) -> AsyncIterator[Batch]:
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        yield batch


class ImportJob(SendJob):
    """Sends a file, or events with a checkpoint; each batch is recorded before it is told."""

    def __init__(self, session: Session, options: ImportOptions, *sending: Any) -> None:
        super().__init__(session, options.events, *sending)
        self._options = options
        self._now = session.clock.monotonic
        self._reads_in_thread = False

    def _open(self) -> None:
        options, convention = self._options, self.session.name_convention
        self._lines = options.open()
        self._encoder = NdjsonEncoder(options.name, convention, first=self._lines.first)
        try:
            self._lines.lock()
            if options.resume and not self._lines.is_regular:
                reason = "is not a regular file: it cannot be resumed"
                raise invalid(options.path, reason, argument="resume")
            name, head = options.name, self._lines.head
            found = Checkpoint(options.checkpoint, name, head, options.rejected)
            self._checkpoint = found if self._lines.is_regular else None
            states = found.load(self._lines) if options.resume else None
            self._rejected = RejectedLines(options.rejected, states)
        except BaseException:
            self._lines.close()
            raise
        self._position = self._end = self._lines.position
        self._saved = self._position, self._rejected.states
        self._save_at = self._now()

    def run(self, driver: Driver) -> SendReport:
        self._open()
        return super().run(driver)

    async def run_async(self, driver: AsyncDriver) -> SendReport:
        # In a thread: it may block on a pipe's other end, or on decompressing up to a checkpoint.
        opening = asyncio.get_running_loop().run_in_executor(None, self._open)
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread keeps running; closing releases the lock for another import.
            if opening.done():
                self._close_opened(opening)
            else:
                opening.add_done_callback(self._close_opened)
            raise
        self._reads_in_thread = not self._lines.is_regular  # they block on the writer of a pipe
        return await super().run_async(driver)

    def collect(self) -> Plan[Iterable[Batch] | AsyncIterable[Batch]]:
        source = yield from super().collect()
        return _in_thread(self.batches()) if self._reads_in_thread else source

    def interrupted(self, error: BaseException) -> None:
        self.close()
        if self._checkpoint:
            begin = self._position.line + self._lines.first
            error.add_note(f"{self._options.continues} {begin:,}")

    def finish(self) -> SendReport:
        """Remove the checkpoint, unless the caller resumes or work is left."""
        try:
            report = super().finish()
        except InngestError as error:
            self.interrupted(error)
            raise
        if self._position == self._end and not self._options.resume and self._checkpoint:
            self._checkpoint.path.unlink(missing_ok=True)
            self._checkpoint = None
        return report

    def close(self) -> None:
        self._lines.close()
        self._rejected.close()
        self._save()

    def _close_opened(self, opening: asyncio.Future[None]) -> None:
        if opening.exception() is None:
            self.close()

    def batches(self, events: Iterable[EventLike] = (), first: int = 0) -> Iterator[Batch]:  # noqa: ARG002 - rows count themselves
        for read in self._lines.chunks(self.batch_size, DEFAULT_BYTES, events):
            lines, start, end = chunk = read
            if self._options.resume and may_be_incomplete(lines[-1]):
                # Left to the next import.
                if lines[-1].strip():
                    message = "%s ends in the middle of line %d; resume once it is complete"
                    logger.warning(message, self._options.path, end.line)
                chunk = Chunk(lines[:-1], start, start.after(lines[:-1]))
            batch = self._encoder.batch(chunk)
            # The file may be all blank lines.
            if batch.positions or batch.invalid:
                origin, self._end = (self._end, chunk), chunk.end
                yield batch._replace(origin=origin, share=self._lines.share())

    def tell(self, outcome: BatchOutcome) -> object:
        """Write rejected lines, then mark the chunk as done."""
        begin, chunk = cast("tuple[Position, Chunk]", outcome.batch.origin)
        # In this order: if writing fails, the chunk is not done.
        first = chunk.start.line + self._lines.first
        for it in outcome.report.failures:
            if it.outcome == "rejected":
                self._rejected.add(chunk.lines[it.position - first], it.position, it.reason)
        self._rejected.flush()
        # Not if one before it is unknown, or was lost by an interrupt.
        if begin == self._position and outcome.known == len(outcome.each):
            self._position = chunk.end
            self._rejected.keep()
            if self._now() >= self._save_at:
                self._save()
        return super().tell(outcome)

    def _save(self) -> None:
        """Write the checkpoint, if there is one and it has changed."""
        progress = self._position, self._rejected.states
        if not self._checkpoint or progress == self._saved:
            return
        self._rejected.flush(to_disk=True)
        try:
            self._checkpoint.save(*progress)
        except OSError:
            if self._options.resume:
                raise
            logger.warning("cannot write the checkpoint %s", self._checkpoint.path)
            self._checkpoint = None
        self._saved = progress
        self._save_at = self._now() + _SAVE_EVERY


class NdjsonEncoder:
    """Turns lines into batches; an event without an id gets one derived from its line.

    A line is decoded once, for validation, and sent as it is; re-encoding would cost more than
    everything else. Unusual lines go through `encode`, which implements every rule.

    The id is derived from the import's name, the line number and the line's bytes: repeating the
    import yields the same ids, and correcting a line changes only its own id.
    """

    def __init__(
        self, name: str, convention: NameConvention | None = None, *, first: int = 1
    ) -> None:
        self._convention, self._first = convention, first
        # 64 bits of hash suffice to distinguish imports, and versions of one line.
        self._id = b"%.16b-%%d-%%.16b" % hexlify(sha256(name.encode()).digest())
        # Appended, since the server uses the last of two keys that it considers equal.
        self._with_id = b'%b,"id":"' + self._id + b'"}'

    def batch(self, chunk: Chunk) -> Batch:
        """Make a batch whose positions are line numbers; blank lines are skipped."""
        positions: list[int] = []
        texts: list[bytes] = []
        invalid: list[SendFailure] = []
        is_long = max(map(len, chunk.lines), default=0) > _MAX_PLAIN
        for start in range(0, len(chunk.lines), _GROUP):
            group = chunk.lines[start : start + _GROUP]
            first = chunk.start.line + self._first + start
            plain = None if is_long else self._plain_texts(group, first)
            if plain is not None:
                positions += range(first, first + len(group))
                texts += plain
                continue
            for number, line in enumerate(group, first):
                if line.strip():
                    try:
                        texts.append(self._text(line, number))
                        positions.append(number)
                    except InvalidEventError as error:
                        invalid.append(SendFailure(number, _shown(line), error.reason))
        return Batch.of(positions, texts, invalid)

    def _plain_texts(self, lines: Sequence[bytes], first: int) -> list[bytes] | None:
        """Return the JSON text of each event, or None if any line is unusual."""
        if not {bytes}.issuperset(map(type, lines)):
            return None
        try:
            fields = fields_of(list(map(decode_or_recurse, lines)), self._convention)
        except (ValueError, RecursionError):
            return None
        if fields is None:
            return None
        if "id" in fields:
            return [line.rstrip() for line in lines]
        heads = [line.rstrip()[:-1] for line in lines]
        digests = map(hexlify, map(xxh3_64_digest, heads))
        with_id = self._with_id
        return [with_id % each for each in zip(heads, count(first), digests)]

    def _text(self, line: bytes, number: int) -> bytes:
        """Return the JSON text of one event; reject what the server would reject."""
        if isinstance(line, RefusedLine):
            raise InvalidEventError(line.reason, position=number)
        try:
            event = decode(line)
        except ValueError as error:
            is_last = "" if line.endswith(b"\n") else "; the file ends in the middle of this line"
            raise InvalidEventError(f"not JSON: {error}{is_last}", position=number) from None
        if not isinstance(event, dict):
            reason = f"a line holds one JSON object, not {type(event).__name__}"
            raise InvalidEventError(reason, position=number)
        texts = self._plain_texts([line], number) if len(line) <= _MAX_PLAIN else None
        if texts is not None:
            return texts[0]
        wire = cast("dict[str, Any]", event)
        if wire.get("id") in (None, ""):
            digest = hexlify(xxh3_64_digest(line.rstrip()[:-1]))
            wire["id"] = (self._id % (number, digest)).decode()
        # Unknown keys of a file are sent as they are: another program may have written it.
        return encode(wire, number, self._convention, from_file=True)


def _shown(line: bytes) -> dict[str, Any]:
    """Return the event of a rejected line for its `SendFailure`."""
    try:
        event: Any = decode(line)
    except ValueError:
        return {}
    return cast("dict[str, Any]", event) if isinstance(event, dict) else {}
