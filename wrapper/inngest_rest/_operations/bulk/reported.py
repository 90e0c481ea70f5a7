"""Bulk jobs with a resumable report: one row per run or input; perhaps in a file.

A report file has JSON lines, on disk before each request. The first line says what was asked for;
then comes each row as it was selected; then each row before its request is sent, and again with its
outcome. The last line of a position holds. Lines are only appended, so a kill can tear no more than
the last one.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, NamedTuple

from attrs import evolve, frozen

from inngest_rest import errors
from inngest_rest._core.arguments import (
    check_count_or_none,
    check_each,
    check_path,
    check_run_id,
    difference,
    invalid,
)
from inngest_rest._core.calls.retry import had_no_effect
from inngest_rest._core.json_text import decode, encode, encode_lines
from inngest_rest._core.locks import Locked, lock_file
from inngest_rest._core.plans import Plan, Stopped, sleep, wait_for
from inngest_rest._core.resources.filters import Window, instant
from inngest_rest._core.sending.job import ABANDONED, BulkJob
from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import Seconds


class BulkResult(NamedTuple):
    row: ActionRow
    cause: errors.InngestError | None = None


@frozen(kw_only=True)
class Options:
    """How a bulk operation acts, as a caller passed it (`inngest_rest.typing.BulkOptions`)."""

    dry_run: bool
    in_flight: int
    max_requests: int | None
    period: Seconds
    on_start: Callable[[ActionRow], object] | None
    on_result: Callable[[ActionRow], object] | None
    resume: ActionReport | Mapping[str, object] | None
    report_path: str | os.PathLike[str] | None


class ReportedJob(BulkJob[ActionRow, BulkResult, ActionReport]):
    """A bulk job whose targets are the rows of its report."""

    outage = (errors.ServerError, errors.TransportError)

    filters: ClassVar[tuple[str, ...]] = ()  # the names of those that can select them
    selects: ClassVar[str] = "run"  # the kind of things that ids and filters select
    check_id = staticmethod(check_run_id)
    bound: ClassVar[tuple[str, ...]] = ()  # arguments that a report to resume from has to share

    def __init__(
        self, session: Session, action: str, options: Options, *, limit: int | None = None
    ) -> None:
        super().__init__(
            session,
            options.in_flight,
            options.max_requests,
            options.period,
            on_start=options.on_start,
            on_result=options.on_result,
        )
        self._on_start, self._on_result = options.on_start, options.on_result
        self.dry_run = options.dry_run  # report the targets without acting on them
        self.resumed = options.resume
        self.limit = check_count_or_none("limit", limit)
        self.head = ActionReport(action, ())  # all of the report but its rows
        self.rows: list[ActionRow] = []  # all of them in their current state
        self.listing: Listing[Any] | None = None  # of what a filter selects
        self.listed: dict[str, ActionRow] = {}  # the rows of that, by their ids
        self.asked_window = Window()
        path = options.report_path
        self._file = None if path is None else ReportFile(path)
        self._is_stopped = False

    def collect(self) -> Plan[Iterable[ActionRow]]:
        """Return the rows to act on: those that the report file left, or that are selected."""
        target = self.session.settings.target
        asked = {
            "action": self.head.action,
            "selection": self.head.selection,
            "server": target.api_url,
            "environment": target.env,
        }
        if self._file is not None and (kept := self._file.open(asked)) is not None:
            self.adopt(kept, "report_path")
            if not any(map(self.is_left, self.rows)):
                raise errors.ReportFinishedError(
                    f"{self._file.path} is finished: {kept}", report=kept
                )
        else:
            yield from self.select()
            if self._file is not None and not self.dry_run:
                self._file.begin(asked, self._report())
        return islice((row for row in self.rows if self.is_left(row)), self.limit)

    def choose(
        self, ids: Iterable[str] | None, chosen: Mapping[str, Any], others: Mapping[str, Any]
    ) -> bool:
        """Take the rows of ids, or of a report; return whether a filter selects them instead.

        It has to be one of the three. A report to come is bound to it, and to the others.
        """
        ways = [name for name, it in (("ids", ids), ("resume", self.resumed)) if it is not None]
        ways += ["/".join(chosen)] if chosen else []
        if len(ways) > 1:
            raise errors.InvalidArgumentError(
                f"{' and '.join(ways)} exclude each other: pass one of them", argument=ways[0]
            )
        if not ways:
            names, kind = ", ".join(self.filters), self.selects
            raise errors.InvalidArgumentError(
                f"nothing selects {kind}s: pass ids, or a filter ({names}); there is no way to act "
                f"on every {kind} of a server by accident"
            )
        asked = _compact({**chosen, "limit": self.limit})
        if self.resumed is not None:
            self.resume()
            asked = {**(self.head.selection or {})}
            theirs, ours = ({it: each.get(it) for it in self.bound} for each in (asked, others))
            if words := difference(theirs, ours):
                how = f"pass the same {' and '.join(self.bound)}"
                raise invalid("resume", f"is a report with {words}: {how}")
        elif ids is not None:
            unique = dict.fromkeys(check_each("ids", ids, f"{self.selects} ids", self.check_id))
            first = [*unique][: self.limit]
            self.rows = [ActionRow(at, id) for at, id in enumerate(first)]
            asked = {"ids": digest(sorted(first))}
        self.head = evolve(self.head, selection={**asked, **_compact(others)})
        return ids is None and self.resumed is None

    def select(self) -> Plan[None]:
        """Add the rows of what the filter selects, if there is one."""
        if self.listing is None:
            return
        # The end of the window is an instant of the server's clock.
        self.listing.is_relative |= self.asked_window.until is None
        walk = self.listing.walk()
        while not (walk.is_done or self.is_enough()):
            page = yield from walk.next_page()
            for item in page.items:
                self.keep(item)
        chosen = yield from self.chosen()
        self.rows = [evolve(row, position=position) for position, row in enumerate(chosen)]
        self.listed.clear()
        is_told = self.listing.last_sieve is not None or not self.rows
        searched = (yield from self.listing.searched()) if is_told else None
        assert walk.now is not None
        since, until = self.asked_window.since, self.asked_window.until
        begin = None if since is None else instant(since, walk.now)
        end = instant(until or timedelta(), walk.now)
        self.head = evolve(self.head, since=begin, until=end, searched=searched)

    def keep(self, item: Any) -> None:
        """Remember of a listed item no more than is needed: there may be many large ones."""
        row = self.row_of(item)
        self.listed.setdefault(str(row.id), row)

    def row_of(self, item: Any) -> ActionRow:
        """Return the row of a listed item, whose position is not known yet."""
        return ActionRow(0, item.id)

    def is_enough(self) -> bool:
        """Return whether what is listed is as much as the limit allows."""
        return self.limit is not None and len(self.listed) >= self.limit

    def chosen(self) -> Plan[Iterable[ActionRow]]:
        """Return the rows of the report, in their order, out of those that are listed."""
        yield from ()
        return islice(self.listed.values(), self.limit)

    def is_left(self, row: ActionRow) -> bool:
        return row.is_open

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def resume(self) -> None:
        """Adopt the rows of the report that was passed, if any; reject one of another action."""
        report = self.resumed
        if report is None:
            return
        try:
            found = report if isinstance(report, ActionReport) else ActionReport.from_dict(report)
            # `json` reads text that is no Unicode.
            encode([found.action, found.selection, [row.id for row in found.rows]])
        except UnicodeEncodeError:
            raise invalid("resume", "is a damaged report: it has text that is no Unicode") from None
        except ValueError as error:
            raise errors.InvalidArgumentError(f"resume: {error}", argument="resume") from None
        if found.action != self.head.action:
            reason = f"is the report of {found.action}, which cannot be resumed by"
            raise invalid("resume", f"{reason} {self.head.action}")
        self.adopt(found)

    def adopt(self, report: ActionReport, argument: str = "resume") -> None:
        """Take the rows of a report, which an argument named, if they can be acted on."""
        self.check_rows(report.rows, argument)
        self.rows = list(report.rows)
        ids = digest(sorted(row.id or "" for row in self.rows))
        self.head = evolve(report, rows=(), selection=report.selection or {"ids": ids})

    def check_rows(self, rows: Sequence[ActionRow], argument: str) -> None:
        """Reject rows that cannot be acted on: they may come from a file."""
        for row in rows:
            if row.is_open:
                name = f"{argument}: the id of row {row.position}"
                self.check_id(name, row.id or "", argument=argument)

    def begin(self, row: ActionRow) -> Plan[ActionRow]:
        """Mark a row as being requested, and report it; an act starts here, or is Stopped."""
        yield from sleep(0.0)  # the job may have been stopped in the meantime
        begun = evolve(self.dated(row), outcome=ActionOutcome.UNKNOWN, reason=ABANDONED)
        try:
            with self._lock:
                self._check_goes_on()
                started = None if self._on_start is None else self._on_start(begun)
            yield from wait_for(started)
        except BaseException:
            self._is_stopped = True
            raise
        with self._lock:
            self._check_goes_on()
            self._note(begun)
            self._check_goes_on()
            self.rows[row.position] = begun
        return begun

    def dated(self, row: ActionRow) -> ActionRow:
        """Note the time of a request that is sent now."""
        clock = self.session.server_clocks["api"]
        return evolve(row, requested_at=clock.now(), requested_at_here=clock.here())

    def _check_goes_on(self) -> None:
        if self._is_stopped or self.stopped_by is not None:
            raise Stopped

    def tally(self, target: ActionRow, result: BulkResult | None) -> errors.InngestError | None:
        row, cause = result or BulkResult(self.rows[target.position])
        if result is None and row is target and row.outcome is not ActionOutcome.UNKNOWN:
            # It was not begun.
            row = settled(row, ActionOutcome.NOT_TRIED).row
        self.rows[row.position] = row
        if result is not None:  # or the file has it, as unknown
            self._note(row)
        if self._on_result is not None:
            self._told = self._on_result(row)
        return cause

    def _paced(self, target: ActionRow) -> Plan[BulkResult]:
        # The rate is that of the acts, of which a dry run has none.
        return self.act(target) if self.dry_run else super()._paced(target)

    def interrupted(self, error: BaseException) -> None:
        """Attach the progress so far to an external exception, as `report` and in words."""
        error.report = report = self._report()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
        error.add_note(f"so far {report}")

    def finish(self) -> ActionReport:
        report = self._report()
        if self.stopped_by is None:
            return report
        raise errors.PartialActionError(
            f"stopped by {str(self.stopped_by).removesuffix('.')}. So far {report}. Pass "
            "resume=error.report to continue where it stopped.",
            report=report,
        ) from self.stopped_by

    def _report(self) -> ActionReport:
        return evolve(self.head, rows=self.rows)

    def _note(self, row: ActionRow) -> None:
        """Write a row to the report file; one that cannot be written stops the job."""
        if self._file is not None and not self.dry_run:
            try:
                self._file.add(row)
            except errors.InvalidArgumentError as error:
                self.stopped_by = self.stopped_by or error


def digest(items: Sequence[object]) -> dict[str, Any]:
    """Return what tells a sequence from others, in the types of JSON."""
    return {"count": len(items), "digest": blake2b(encode(items), digest_size=16).hexdigest()}


def settled(
    row: ActionRow,
    outcome: ActionOutcome,
    reason: object = None,
    cause: errors.InngestError | None = None,
) -> BulkResult:
    told = None if reason is None else str(reason)
    return BulkResult(evolve(row, outcome=outcome, reason=told), cause)


def failure(row: ActionRow, error: errors.InngestError, *, is_sent: bool = True) -> BulkResult:
    """Return the row of an act that ended with an error."""
    outcome = ActionOutcome.FAILED
    if isinstance(error, errors.NotFoundError):
        outcome = ActionOutcome.NOT_FOUND
    elif is_sent and not had_no_effect(error):
        outcome = ActionOutcome.UNKNOWN
    return settled(row, outcome, error, error)


# A link may have been planted.
_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class ReportFile(Locked):
    """The file of one bulk operation, locked from `open` or `begin` to `close`.

    It is bound to what was asked for: action, selection, server and environment.
    Each method raises InvalidArgumentError if the file cannot be used, is in use, or has the report
    of something else; its `__cause__` is the system's error, if any.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        check_path("report_path", path)
        self.path = os.fspath(path)
        self._file: int | None = None

    def open(self, asked: Mapping[str, Any]) -> ActionReport | None:
        """Return the report in the file; None if none was begun."""
        with self._usable(), suppress(FileNotFoundError):
            self._file = os.open(self.path, _FLAGS)
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise self._refusal("is not a regular file")
            lock_file(self._file)
            with os.fdopen(self._file, "rb", closefd=False) as file:
                return self._read(file, asked)
        return None

    def begin(self, asked: Mapping[str, Any], report: ActionReport) -> None:
        times = {name: evolve(report, rows=()).to_dict()[name] for name in ("since", "until")}
        header = {"report": 1, **asked, **times, "row_count": len(report.rows)}
        with self._usable():
            if self._file is None:
                self._file = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
                lock_file(self._file)
            if hasattr(os, "fchmod"):
                os.fchmod(self._file, 0o600)
            os.ftruncate(self._file, 0)
            self._append([header, *(_compact(row.to_dict()) for row in report.rows)])

    def add(self, row: ActionRow) -> None:
        """Write a row as it is now; threads may do so at the same time."""
        with self._usable(), self._lock:
            self._append([_compact(row.to_dict())])

    def close(self) -> None:
        """Free the lock; what would be added later raises an error."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _refusal(self, reason: str) -> errors.InvalidArgumentError:
        return errors.InvalidArgumentError(f"{self.path} {reason}", argument="report_path")

    def _read(self, file: BinaryIO, asked: Mapping[str, Any]) -> ActionReport | None:
        first = file.readline()
        if not first.endswith(b"\n") and (not first or first.startswith(b'{"report":1,')):
            return None
        try:
            header = decode(first)
            report, count = ActionReport.from_dict({**header, "rows": ()}), header["row_count"]
        except (KeyError, TypeError, ValueError):
            raise self._refusal("is not a report; name another file") from None
        kept = {name: header.get(name) for name in asked}
        if _is_pinned(asked["selection"], header):
            kept["selection"] = asked["selection"]
        if words := difference(kept, asked):
            raise self._refusal(f"is a report with {words}; name another file")
        end, rows = len(first), dict[int, ActionRow]()
        for number, line in enumerate(file, 2):
            if not line.endswith(b"\n"):
                break
            try:
                row = ActionRow.from_dict(decode(line))
                # If a first row were missed, the file would be begun anew, and all be done again.
                if not 0 <= row.position < min(len(rows) + 1, count):
                    raise ValueError(f"position {row.position} is none of {count}, or too early")
            except ValueError as error:
                raise self._refusal(f"is damaged in line {number}: {error}") from None
            rows[row.position] = row
            end += len(line)
        if len(rows) < count:
            return None
        os.ftruncate(file.fileno(), end)
        return evolve(report, rows=[rows[position] for position in range(count)])

    def _append(self, records: Iterable[dict[str, Any]]) -> None:
        if self._file is None:
            raise OSError(errno.EBADF, "the report was closed")
        text = memoryview(encode_lines(records))
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            while text:
                text = text[os.write(self._file, text) :]
        except OSError:
            # A full disk may have taken half of a line.
            os.ftruncate(self._file, end)
            raise

    @contextmanager
    def _usable(self) -> Generator[None]:
        try:
            yield
        except (BlockingIOError, FileExistsError) as error:
            raise self._refusal("is in use by another process or call; wait for its end") from error
        except OSError as error:
            is_link = error.errno == errno.ELOOP
            reason = "it is a symbolic link" if is_link else error.strerror or error
            raise self._refusal(f"cannot be written as a report: {reason}") from error


def _is_pinned(selection: Any, header: Mapping[str, Any]) -> bool:
    """Return whether a selection is the header's with the instants that its times stood for."""
    asked: Mapping[str, Any] = header["selection"] or {}
    before = "ended_" if any(name.startswith("ended_") for name in asked) else ""
    window = {f"{before}{name}": header[name] for name in ("since", "until") if header.get(name)}
    return bool(selection == {**asked, **window})


def _compact(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
