"""`send_file`: send the lines of a file in batches, with progress kept in a checkpoint.

So does `send_many` with a checkpoint, the events of a program.

Batches are reported in order, so one position suffices, before which everything is done: the end of
the last batch before the first event of unknown outcome. The checkpoint and the rejected lines are
files beside the input. They hold events, so only their owner can read them.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
from binascii import hexlify
from collections.abc import AsyncIterable
from contextlib import closing
from functools import partial
from hashlib import blake2b, sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NamedTuple, cast

import msgspec
from xxhash import xxh3_64_digest

from inngest_rest._arguments import check_path, invalid
from inngest_rest._core.arguments import NameConvention, check_text
from inngest_rest._core.json_text import decode, decode_or_recurse
from inngest_rest._core.json_text import encode as to_json
from inngest_rest._core.logs import logger
from inngest_rest._core.sending.batching import DEFAULT_BYTES, DEFAULT_EVENTS, Batch
from inngest_rest._core.sending.event_json import MAX_EVENT_BYTES, columns_of, encode
from inngest_rest._core.sending.job import SendJob
from inngest_rest._core.sending.send import each_event
from inngest_rest._durable.file_import.lines import Chunk, Lines, Position, RefusedLine
from inngest_rest._durable.file_import.rows import EventRows, TableRows
from inngest_rest._durable.file_import.tables import Table, check_not_encrypted
from inngest_rest._files import (
    STDIN,
    create_file,
    reasons_path,
    rejected_path,
    replace_file,
    usable,
)
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError, InvalidEventError
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


AnyPath = str | os.PathLike[str]

# A row of CSV at the beginning of a file, rather than JSON with a mistake in it.
_HEADER = re.compile(rb"[^\x00-\x08{\[\r\n]*[,;\t][^\x00-\x08{\[\r\n]*[\r\n]")

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
    argument: str  # the one at fault if a file of ours, beside the input, cannot be used
    checkpoint: str
    open: Callable[[], Lines | EventRows]
    continues: str
    to_begin_anew: str
    events: Iterable[EventLike] | AsyncIterable[EventLike] = ()


_FIRST_LINE = "Delete it, or pass resume=False, to begin at the first line."
_FIRST_EVENT = "Delete it to begin anew, by another name= if events without ids are to run again."


def check_rows(
    events: Iterable[EventLike] | AsyncIterable[EventLike],
    checkpoint: AnyPath,
    name: str | None,
) -> ImportOptions:
    check_path("checkpoint", checkpoint)
    path = os.fspath(checkpoint)
    events = events if isinstance(events, AsyncIterable) else each_event(events)
    return ImportOptions(
        path=path,
        name=check_text("name", name) or Path(path).name,
        rejected=rejected_path(path, "").absolute(),
        resume=True,
        argument="checkpoint",
        checkpoint=path,
        open=partial(EventRows, events, path, _FIRST_EVENT),
        continues="the same call continues at",
        to_begin_anew=_FIRST_EVENT,
        events=events,
    )


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
    check_path("path", path)
    source = os.fspath(path)
    table = Table.of(event, columns) if csv or event is not None or columns else None
    if check_text("name", name) is None and source == STDIN:
        why = "standard input has no name to derive event ids from: pass name="
        raise InvalidArgumentError(why, argument="name")
    if resume and source == STDIN:
        why = "cannot be resumed: send a file instead"
        raise invalid("standard input", why, argument="resume")
    name = name or Path(source).name
    if dead_letters is not None:
        check_path("dead_letters", dead_letters)
    rejected = rejected_path(source, name, dead_letters).absolute()
    if rejected == Path(source).absolute():
        raise invalid("dead_letters", "must not be the input file")
    beside = f"{source}.checkpoint"
    return ImportOptions(
        path=source,
        name=name,
        rejected=rejected,
        resume=resume,
        argument="path",
        checkpoint=beside,
        open=partial(_open, source, table, beside, grows=resume),
        continues="send_file(..., resume=True) continues at line",
        to_begin_anew=_FIRST_LINE,
    )


def _open(path: str, table: Table | None, checkpoint: str, *, grows: bool) -> Lines | EventRows:
    """Open a file as what it is; refuse a table if the name of its events is not known."""
    lines = Lines(path, grows=grows)
    try:
        check_not_encrypted(path, lines)
        is_parquet = lines.start.startswith(b"PAR1")
        if table is None and (is_parquet or _HEADER.match(lines.start)):
            csv = "" if is_parquet else " --csv"
            command = f"send-file {shlex.quote(path)}{csv} --event shop/order.created"
            how = f"`inngest-rest {command}` sends its rows as events"
            raise invalid(path, f"is a table, not JSON lines: {how}", argument="event")
        if table is None:
            return lines
        return TableRows(lines, table, checkpoint, _FIRST_LINE, grows=grows)
    except BaseException:
        lines.close()
        raise


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
            self._checkpoint = Path(options.checkpoint) if self._lines.is_regular else None
            states = self._load() if options.resume else None
            self._rejected = RejectedLines(options.rejected, options.argument, states)
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
        if self.stopped_by is not None:
            self.interrupted(self.stopped_by)
        else:
            self._lines.check_all_read()
        report = super().finish()
        if self._position == self._end and not self._options.resume and self._checkpoint:
            with usable(self._options.argument, self._checkpoint):
                self._checkpoint.unlink(missing_ok=True)
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

    def batches(self, events: Iterable[EventLike] = (), first: int = 0) -> Iterator[Batch]:  # noqa: ARG002 - rows count themselves
        for chunk in self._lines.chunks(self.batch_size, DEFAULT_BYTES, events):
            batch = self._encoder.batch(chunk)
            # The file may be all blank lines.
            if batch.positions or batch.invalid:
                origin, self._end = (self._end, chunk), chunk.end
                yield batch._replace(origin=origin, share=self._lines.share())
        if self._lines.unfinished:
            # Left to the next import.
            logger.warning("%s %s", self._options.path, self._lines.unfinished)

    def notify(self, outcome: BatchOutcome) -> object:
        """Write rejected lines, then mark the chunk as done."""
        begin, chunk = cast("tuple[Position, Chunk]", outcome.batch.origin)
        # In this order: if writing fails, the chunk is not done.
        first = chunk.start.line + self._lines.first
        for it in outcome.report.failures:
            if it.outcome == "rejected":
                self._rejected.add(chunk.lines[it.position - first], it.position, it.reason)
        self._rejected.flush()
        # Not if one before it is unknown, or was lost by an interrupt.
        is_known = begin == self._position and outcome.known == len(outcome.each)
        if is_known and chunk.is_final:
            self._position = chunk.end
            self._rejected.keep()
            if self._now() >= self._save_at:
                self._save()
        return super().notify(outcome)

    def _load(self) -> LogStates | None:
        """Seek to the saved position; return the states of the rejected lines, if known.

        The input is identified by its first bytes and by the line before the position: whatever
        follows may have been corrected or appended since. A checkpoint that belongs to a different
        file or to another import, or is unreadable, is refused.
        """
        path, name = Path(self._options.checkpoint), self._options.name
        with usable(self._options.argument, path):
            path.parent.stat()  # before anything is sent
            if not path.exists():
                return None
            if not path.is_file():  # opening a pipe may block forever
                raise self._refusal("is not a regular file")
            content = path.read_bytes()
        try:
            saved = msgspec.json.decode(content, type=_Saved)
            position = Position(saved.line, saved.offset, bytes.fromhex(saved.edge))
        except (ValueError, RecursionError) as error:
            raise self._refusal("is not a valid checkpoint") from error
        if saved.name != name:
            names = f"{shown(saved.name)}, not {shown(name)}"
            raise self._refusal(f"belongs to an import named {names}")
        head = _digest(self._lines.head[: saved.offset])
        if saved.head != head or not self._lines.go_to(position):
            why = f"belongs to a different file, or its first {saved.line:,} lines changed"
            raise self._refusal(why)
        return saved.logs if saved.rejected == str(self._options.rejected) else None

    def _refusal(self, what: str) -> InvalidArgumentError:
        options = self._options
        return invalid(
            str(options.checkpoint), what, how=options.to_begin_anew, argument="checkpoint"
        )

    def _save(self) -> None:
        """Write the checkpoint, if there is one and it has changed."""
        progress = self._position, self._rejected.states
        if not self._checkpoint or progress == self._saved:
            return
        self._rejected.flush(to_disk=True)
        line, offset, edge = self._position
        head, rejected = _digest(self._lines.head[:offset]), str(self._options.rejected)
        saved = _Saved(self._options.name, line, offset, head, edge.hex(), rejected, progress[1])
        try:
            with usable(self._options.argument, self._checkpoint):
                replace_file(self._checkpoint, to_json(saved))
        except InvalidArgumentError:
            if self._options.resume:
                raise
            logger.warning("cannot write the checkpoint %s", self._checkpoint)
            self._checkpoint = None
        self._saved = progress
        # Events in between may be sent twice, with their ids.
        self._save_at = self._now() + 1.0


_Count = Annotated[int, msgspec.Meta(ge=0)]


class LogState(NamedTuple):
    """A file of rejected lines, or of their reasons: what of it is final, and what was written.

    Lines after the checkpoint's position will be rejected again.
    """

    kept_lines: _Count
    kept_size: _Count
    size: _Count
    digest: str


LogStates = tuple[LogState, LogState]


class _Saved(msgspec.Struct, tag_field="version", tag=2):
    """The content of a checkpoint; `edge` is hexadecimal."""

    name: str
    line: _Count
    offset: _Count
    head: str
    edge: str
    rejected: str
    logs: LogStates


class RejectedLines:
    """Rejected lines, byte for byte, ready to correct and resend, with their reasons beside them.

    A reason has the `line` number in the input and, as `rejected_line`, the line number in the file
    of rejected lines, null for a line too long to copy, or a row that has to be corrected in place.

    Users may have corrected lines in these files, so only bytes that the import provably wrote are
    ever deleted; a modified file is renamed with the next free number. Without the checkpointed
    state of both files, the import starts over.
    """

    def __init__(self, path: Path, argument: str, states: LogStates | None = None) -> None:
        self._lines, self._reasons = self._logs = (
            _Log(path, argument),
            _Log(reasons_path(path), argument),
        )
        pairs = list(zip(self._logs, states or (), strict=False))
        if pairs and all(log.is_ours(state) for log, state in pairs):
            for log, state in pairs:
                log.resume(state)
        else:
            for log in self._logs:
                log.set_aside()

    @property
    def states(self) -> LogStates:
        return self._lines.state, self._reasons.state

    def keep(self) -> None:
        """Mark all lines added so far as final, for a later resume."""
        for log in self._logs:
            log.keep()

    def add(self, line: bytes, number: int, reason: str) -> None:
        copied = not isinstance(line, RefusedLine) or line.is_whole
        if copied:
            self._lines.write(line.rstrip(b"\r\n") + b"\n")
        rejected_line = self._lines.line_count if copied else None
        entry = {"line": number, "reason": reason, "rejected_line": rejected_line}
        self._reasons.write(to_json(entry) + b"\n")

    def flush(self, *, to_disk: bool = False) -> None:
        """Flush both files; with `to_disk`, so that they survive a power cut."""
        for log in self._logs:
            log.flush(to_disk=to_disk)

    def close(self) -> None:
        with closing(self._lines), closing(self._reasons):
            pass  # both are closed, also where one cannot be written


class _Log:
    """An append-only file with a running hash of its content, created on the first write.

    Where it cannot be used, InvalidArgumentError names it, and the argument that it is beside.
    """

    def __init__(self, path: Path, argument: str) -> None:
        self._path, self._argument = path, argument
        self._file: BinaryIO | None = None
        self.line_count = self._size = 0
        self._kept = 0, 0
        self._hash = blake2b(digest_size=16)

    @property
    def state(self) -> LogState:
        return LogState(*self._kept, self._size, self._hash.hexdigest())

    def keep(self) -> None:
        self._kept = self.line_count, self._size

    def is_ours(self, state: LogState) -> bool:
        """Return whether the file begins with all that was written; zero bytes need no file."""
        with usable(self._argument, self._path):
            return _hash_of(self._path, state.size).hexdigest() == state.digest

    def resume(self, state: LogState) -> None:
        """Continue after the kept beginning of the file."""
        with usable(self._argument, self._path):
            self._resume(state)

    def _resume(self, state: LogState) -> None:
        self.line_count, self._size, written, _ = state
        self.keep()
        self._hash = _hash_of(self._path, self._size)
        if (self._path.stat().st_size if self._path.is_file() else 0) != written:
            # Either the process was killed after the checkpoint, or somebody added lines. Copied,
            # as a kill in the middle of this must leave the kept lines where they are.
            with self._path.open("rb") as source, create_file(self._free_path()) as target:
                shutil.copyfileobj(source, target)
        if self._size:
            os.truncate(self._path, self._size)
        else:
            self._path.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Rename the file, if it exists, with the next free number."""
        with usable(self._argument, self._path):
            if os.path.lexists(self._path):
                self._path.rename(self._free_path())

    def _free_path(self) -> Path:
        """Return the path with the next free number."""
        number = 1
        while os.path.lexists(path := self._path.with_name(f"{self._path.name}.{number}")):
            number += 1
        return path

    def write(self, text: bytes) -> None:
        with usable(self._argument, self._path):
            if self._file is None:
                opener = partial(os.open, mode=0o600)  # for one that is gone
                is_begun, path = self._size > 0, self._path
                self._file = open(path, "ab", opener=opener) if is_begun else create_file(path)  # noqa: SIM115
            self._file.write(text)
        self.line_count += 1
        self._size += len(text)
        self._hash.update(text)

    def flush(self, *, to_disk: bool) -> None:
        if self._file is not None:
            with usable(self._argument, self._path):
                self._file.flush()
                if to_disk:
                    os.fsync(self._file.fileno())

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with usable(self._argument, self._path), file:
                file.flush()
                os.fsync(file.fileno())


def _digest(head: bytes) -> str:
    return blake2b(head, digest_size=16).hexdigest()


def _hash_of(path: Path, size: int) -> blake2b:
    state = blake2b(digest_size=16)
    if size and path.is_file():
        with path.open("rb") as file:
            while size and (read := file.read(min(size, 1024 * 1024))):
                state.update(read)
                size -= len(read)
    return state


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
        for start in range(0, len(chunk.lines), _GROUP):
            group = chunk.lines[start : start + _GROUP]
            first = chunk.start.line + self._first + start
            plain = self._plain_texts(group, first)
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
        if not {bytes}.issuperset(map(type, lines)) or max(map(len, lines)) > _MAX_PLAIN:
            return None
        try:
            events = list(map(decode_or_recurse, lines))
        except (ValueError, RecursionError):
            return None
        columns = columns_of(events, self._convention, from_file=True)
        if columns is None:
            return None
        if "id" in columns:
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
        texts = self._plain_texts([line], number)
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
