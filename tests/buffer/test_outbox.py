"""The outbox: an added event is on disk until it is acknowledged, and no lease locks it in."""

from __future__ import annotations

import logging
import os
import pickle
import sqlite3
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from attrs import evolve

from inngest_rest import (
    AsyncEventBuffer,
    ConfigurationError,
    EventBuffer,
    InngestClient,
    InvalidArgumentError,
    InvalidResponseError,
    OutboxError,
    SendReport,
    ServerError,
)
from inngest_rest._core.clock import SYSTEM_CLOCK
from inngest_rest._core.sending.batching import BatchOutcome, EventOutcome, Rejected, Unknown
from inngest_rest.buffer import _outbox_file as outbox_file
from inngest_rest.buffer._delivery import Refused
from inngest_rest.buffer._outbox import (
    IDEMPOTENCY_WINDOW,
    LONGEST_LEASE,
    Outbox,
)
from inngest_rest.buffer._schedule import Schedule
from tests.support.client_kinds import Blocking
from tests.support.peer import PATIENCE
from tests.support.server import accepts_all, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.sending.batching import Batch
    from tests.support.clock import Clock
    from tests.support.server import Server

ROUTE = "POST /e/NO_EVENT_KEY_SET"
LEASE = 100.0

Open = Callable[..., Outbox]
OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def opened(path: Path, clock: Clock) -> Iterator[Open]:
    """Open the file as processes of their own would."""
    boxes: list[Outbox] = []

    def open_it(**options: Any) -> Outbox:
        chosen: dict[str, Any] = {"max_pending": 1_000, "lease": LEASE, **options}
        schedule = Schedule(chosen.pop("batch_size", 3), 1.0, clock.monotonic)
        boxes.append(Outbox(path, schedule, lambda: None, now=clock.now, **chosen))
        return boxes[-1]

    yield open_it
    for box in boxes:
        with suppress(OutboxError):  # a test has damaged the file
            box.close(loses_nothing)


def loses_nothing(outcome: BatchOutcome) -> None:
    raise AssertionError(outcome)


def fill(box: Outbox, *names: str) -> None:
    for name in names:
        assert box.put({"name": name, "id": f"id-{name}"})


def names(batch: Batch | None) -> list[str]:
    return [] if batch is None else [each["name"] for each in batch.events()]


def rows(path: Path, table: str = "entries") -> list[str]:
    """Read what is on disk, by a connection of our own."""
    with closing(sqlite3.connect(path)) as db:
        query = f"SELECT text FROM {table} ORDER BY seq"
        return [msgspec.json.decode(each)["name"] for (each,) in db.execute(query)]


def change(path: Path, statement: str) -> None:
    """Change the file behind the back of the outbox."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(statement)


def outcome(batch: Batch | None, letters: str) -> BatchOutcome:
    """Make outcome for a batch: one letter per event, Accepted, Rejected or Unknown."""
    assert batch is not None
    by_letter: dict[str, EventOutcome] = {
        "A": "internal",
        "R": Rejected("refused"),
        "U": Unknown("lost"),
    }
    return BatchOutcome(batch, [by_letter[letter] for letter in letters])


@contextmanager
def pragma(box: Outbox, name: str, value: int) -> Iterator[None]:
    """Simulate a full or read-only disk by a pragma of SQLite."""
    with box.file.reading() as db:
        [before] = db.execute(f"PRAGMA {name}").fetchone()
        db.execute(f"PRAGMA {name} = {value}")
    yield
    with box.file.reading() as db:
        db.execute(f"PRAGMA {name} = {before}")


def test_an_event_is_on_disk_when_put_returns(opened: Open, path: Path) -> None:
    box = opened()
    fill(box, "a", "b")
    assert rows(path) == ["a", "b"]
    with box.file.reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA fullfsync").fetchone() == (1,)


def test_an_event_without_an_id_gets_one_before_it_is_stored(opened: Open) -> None:
    box = opened()
    box.put({"name": "a"})
    [event] = box.take().events()  # type: ignore[union-attr]
    assert event["id"]


def test_an_event_wakes_a_resting_worker_if_it_is_the_first_or_fills_a_batch(
    path: Path, clock: Clock
) -> None:
    woken: list[int] = []
    box = Outbox(
        path,
        Schedule(3, 1.0, clock.monotonic),
        lambda: woken.append(len(rows(path))),
        max_pending=10,
        lease=LEASE,
        now=clock.now,
    )
    fill(box, "a", "b", "c", "d")
    assert woken == [1, 3], "each time after the event is on disk"
    box.close(loses_nothing)


def test_threads_that_wait_for_the_disk_share_a_commit(opened: Open) -> None:
    box = opened()
    commits: list[str] = []
    with box.file.reading() as db:
        db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    threads = [threading.Thread(target=fill, args=(box, f"e{index}")) for index in range(8)]
    # Nothing public tells when all of them wait.
    with box._storing:  # noqa: SLF001 - the lock has no public side
        for thread in threads:
            thread.start()
        while len(box._pending_writes) < len(threads):  # noqa: SLF001
            threads[0].join(0.001)
    for thread in threads:
        thread.join()
    assert box.pending == len(threads)
    assert len(commits) == 1


def test_an_interrupt_while_events_are_stored_reaches_every_thread_that_waits(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TheEnd(BaseException):
        """As a KeyboardInterrupt, which would end pytest."""

    def interrupted(_: object) -> int:
        raise TheEnd

    box = opened()
    monkeypatch.setattr(box.file, "transaction", interrupted)
    with ThreadPoolExecutor(2) as pool:
        with box._storing:  # noqa: SLF001 - nothing public interrupts a transaction
            waiting = [pool.submit(box.put, {"name": "a"}) for _ in range(2)]
            while len(box._pending_writes) < len(waiting):  # noqa: SLF001
                wait(waiting, 0.001)
        raised = [each.exception(PATIENCE) for each in waiting]
    assert sorted(type(each).__name__ for each in raised) == ["OutboxError", "TheEnd"]
    assert box.pending == 0


def test_leased_events_are_kept_from_others_until_the_lease_ends(
    opened: Open, clock: Clock
) -> None:
    one, other = opened(), opened()
    fill(one, "a", "b", "c", "d")
    assert names(one.take()) == ["a", "b", "c"]
    rest = other.take()
    assert names(rest) == ["d"]
    other.settle(outcome(rest, "A"))
    assert other.take() is None
    clock.advance(LEASE - 1)
    assert other.take() is None
    clock.advance(1)
    assert names(other.take()) == ["a", "b", "c"]


@pytest.mark.parametrize("jump", [-86_400.0, -LONGEST_LEASE, 86_400.0])
def test_a_clock_that_jumps_far_ends_a_lease(opened: Open, clock: Clock, jump: float) -> None:
    one, other = opened(), opened()
    fill(one, "a")
    one.take()
    clock.advance(jump)
    assert names(other.take()) == ["a"]


def test_what_a_clock_that_jumped_far_has_leased_is_left(
    opened: Open, path: Path, clock: Clock
) -> None:
    fill(box := opened(), "a")
    change(path, f"UPDATE entries SET owner = 'x', leased_until = {clock.now() + LEASE}")
    assert not box.has_left(box.mark())
    change(path, f"UPDATE entries SET leased_until = {clock.now() + 2 * LONGEST_LEASE}")
    assert box.has_left(box.mark())


def test_a_clock_that_is_set_back_a_little_ends_no_lease(opened: Open, clock: Clock) -> None:
    one, other = opened(), opened()
    fill(one, "a")
    one.take()
    clock.advance(-30)
    assert other.take() is None


def test_outcomes_are_written_to_the_file(opened: Open, path: Path) -> None:
    box = opened()
    fill(box, "a", "b", "c")
    batch = box.take()
    final = box.settle(outcome(batch, "ARU"))
    assert final is not None
    assert final.each == ["internal", Rejected("refused")]
    assert final.batch.positions == [1, 2]
    assert rows(path) == ["c"]
    assert rows(path, "dead_letters") == ["b"]
    assert box.pending == 1
    assert names(box.take()) == ["c"]


def test_an_event_rejected_without_a_reason_becomes_a_dead_letter(opened: Open, path: Path) -> None:
    box = opened()
    fill(box, "a")
    batch = box.take()
    assert batch is not None
    box.settle(BatchOutcome(batch, [Rejected("")]))
    assert rows(path) == []
    assert rows(path, "dead_letters") == ["a"]


def test_dead_letters_keep_event_and_reason_until_they_are_discarded(opened: Open) -> None:
    box = opened()
    fill(box, "a", "b")
    batch = box.take()
    box.settle(outcome(batch, "RR"))
    box.close(loses_nothing)
    again = opened()
    first, second = again.dead_letters()
    assert (first.event["id"], first.reason) == ("id-a", "refused")
    again.discard([first])
    assert again.dead_letters() == [second]


def test_a_batch_is_bounded_by_bytes(opened: Open) -> None:
    box = opened()
    for name in "abcd":
        box.put({"name": name, "data": {"k": "x" * 1_500_000}})
    batch = box.take()
    assert names(batch) == ["a", "b"]
    box.settle(outcome(batch, "AA"))
    assert names(box.take()) == ["c", "d"]


def test_events_that_were_taken_and_never_settled_are_returned_again(opened: Open) -> None:
    box = opened()
    fill(box, "a", "b")
    assert names(box.take()) == ["a", "b"]
    assert names(box.take()) == ["a", "b"]


def test_room_is_counted_over_all_processes(opened: Open) -> None:
    one, other = opened(max_pending=2), opened(max_pending=2)
    fill(one, "a")
    fill(other, "b")
    assert one.put({"name": "c"}) is False
    batch = other.take()
    other.settle(outcome(batch, "AA"))
    assert one.put({"name": "c"}) is True


def test_a_full_disk_refuses_an_event_and_keeps_the_others(opened: Open, path: Path) -> None:
    box = opened()
    fill(box, "a")
    big = {"name": "b", "data": {"k": "x" * 100_000}}
    reason = r"outbox.db cannot store the event.*full.*Make room"
    with pragma(box, "max_page_count", 1), pytest.raises(OutboxError, match=reason):
        box.put(big)
    assert box.put(big)
    assert rows(path) == ["a", "b"]


def test_a_disk_that_turns_read_only_refuses_an_event_and_keeps_the_others(
    opened: Open, path: Path
) -> None:
    box = opened()
    fill(box, "a")
    with pragma(box, "query_only", 1), pytest.raises(OutboxError, match="readonly"):
        box.put({"name": "b"})
    fill(box, "c")
    assert rows(path) == ["a", "c"]


def test_an_outcome_that_could_not_be_written_is_written_later(
    opened: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = opened()
    fill(box, "a", "b")
    batch = box.take()
    with pragma(box, "query_only", 1):
        box.settle(outcome(batch, "AA"))
    assert "cannot record outcomes" in caplog.text
    assert rows(path) == ["a", "b"]
    assert box.take() is None
    assert rows(path) == []
    assert box.take() is None


@pytest.mark.parametrize(
    ("name", "value"), [("max_page_count", 1), ("query_only", 1)], ids=["full", "read-only"]
)
def test_a_disk_that_cannot_be_written_does_not_keep_events_from_being_sent(
    opened: Open, path: Path, caplog: pytest.LogCaptureFixture, name: str, value: int
) -> None:
    # Enough of them that their leases take another page.
    box = opened(batch_size=100)
    added = [f"e{number}" for number in range(300)]
    fill(box, *added)
    mark = box.mark()
    sent: list[str] = []
    with pragma(box, name, value):
        while (batch := box.take()) is not None:
            sent += names(batch)
            box.settle(outcome(batch, "R" + "A" * 99))
        assert not box.has_left(mark)
        assert box.pending == 0
    assert "cannot lease" in caplog.text
    # Once, until something could be written again.
    assert 1 <= len(caplog.records) <= 2
    assert sent == added
    assert box.take() is None
    assert rows(path) == []
    assert rows(path, "dead_letters") == ["e0", "e100", "e200"]


def test_a_full_disk_gives_a_worker_rest_when_all_events_are_sent(path: Path, clock: Clock) -> None:
    schedule = Schedule(3, 1.0, clock.monotonic)
    box = Outbox(path, schedule, lambda: None, max_pending=9, lease=LEASE, now=clock.now)
    fill(box, *"abcdef")
    with pragma(box, "query_only", 1):
        while (batch := box.take()) is not None:
            box.settle(outcome(batch, "AAA"))
        assert schedule.due_in() != 0
    box.close(loses_nothing)


def test_a_buffer_that_closes_on_a_full_disk_logs_that_events_are_sent_again(
    opened: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = opened()
    fill(box, "a", "b")
    batch = box.take()
    with box.file.reading() as db:
        db.execute("PRAGMA query_only = 1")
    box.settle(outcome(batch, "AA"))
    assert box.close(loses_nothing) == 0
    assert "2 events in it are done, and are sent again" in caplog.messages[-1]
    assert rows(path) == ["a", "b"]


@pytest.mark.parametrize(
    "damage", ["'text'", "'{}'", "5", "X'7B'", "X'5B315D'", "X'FF'", "CAST(X'FF' AS TEXT)"]
)
def test_a_damaged_row_becomes_a_dead_letter_and_the_others_go_on(
    opened: Open, path: Path, damage: str
) -> None:
    box = opened()
    fill(box, "a", "b", "c")
    change(
        path,
        f"UPDATE entries SET text = {damage} WHERE seq = 2",
    )
    batch = box.take()
    assert names(batch) == ["a", "c"]
    assert batch is not None
    final = box.settle(outcome(batch, "AA"))
    assert final is not None
    assert (final.report.accepted, final.report.rejected) == (2, 1)
    assert rows(path) == []
    assert box.pending == 0
    [letter] = box.dead_letters()
    assert (letter.position, letter.event) == (2, {})
    assert letter.reason == "damaged in the file: not a JSON object"
    box.discard([letter])
    assert box.dead_letters() == []


def test_no_file_is_opened_for_a_buffer_that_cannot_load_certificates(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", __file__)
    with (
        InngestClient(event_key="k", base_url="https://a.b") as client,
        pytest.raises(ConfigurationError, match="certificates"),
    ):
        EventBuffer(client, path)
    assert not path.exists()


def test_a_file_of_a_newer_version_is_left_as_it_is(opened: Open, path: Path) -> None:
    fill(box := opened(), "a")
    box.close(loses_nothing)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    with pytest.raises(OutboxError, match=r"newer inngest-rest .format 2.*upgrade"):
        opened()
    assert path.read_bytes() == before


def test_a_database_of_another_application_is_refused(opened: Open, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE entries (x)")
    with pytest.raises(OutboxError, match="a database of another application"):
        opened()


def test_a_file_that_is_not_a_database_is_refused(opened: Open, path: Path) -> None:
    path.write_bytes(b"not a database at all " * 500)
    with pytest.raises(OutboxError, match=r"not a database. Move it aside") as caught:
        opened()
    assert caught.value.path == str(path)


def test_a_damaged_file_is_refused(opened: Open, path: Path) -> None:
    box = opened()
    for number in range(200):
        assert box.put({"name": f"e{number}", "data": {"k": "x" * 500}})
    box.close(loses_nothing)
    content = bytearray(path.read_bytes())
    content[4_096 * 2 :] = b"\xff" * (len(content) - 4_096 * 2)
    path.write_bytes(content)
    with pytest.raises(OutboxError, match=r"damaged.*Move it aside"):
        opened()


def test_a_file_whose_damage_is_quoted_in_bytes_that_are_no_text_is_refused(
    opened: Open, path: Path
) -> None:
    opened().close(loses_nothing)
    path.write_bytes(path.read_bytes().replace(b"TABLE counts", b"\xff\xfe\xfdLE counts"))
    with pytest.raises(OutboxError, match=r"cannot be opened.*Move it aside"):
        opened()


@pytest.mark.parametrize("letters", [[5], [None], 5])
def test_what_is_no_dead_letter_cannot_be_discarded(opened: Open, letters: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"letters must be some of dead_letters\(\)"):
        opened().discard(letters)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anything")
def test_a_read_only_file_is_refused_when_it_is_opened(opened: Open, path: Path) -> None:
    opened().close(loses_nothing)
    path.chmod(0o400)
    with pytest.raises(OutboxError, match="readonly"):
        opened()


def test_another_process_that_writes_for_long_is_named(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_file, "_LOCK_TIMEOUT", 0.01)
    box = opened()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            OutboxError, match=r"locked\. Another process has been writing for 0\.01"
        ):
            fill(box, "a")
        with pytest.raises(OutboxError, match="cannot lease"):
            box.take()
    fill(box, "b")
    assert names(box.take()) == ["b"]


def test_an_event_is_taken_as_soon_as_another_process_has_written(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = opened()
    pauses: list[float] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            other.execute("COMMIT")

        monkeypatch.setattr(outbox_file, "SYSTEM_CLOCK", evolve(SYSTEM_CLOCK, sleep=pause))
        fill(box, "a")
    assert len(pauses) == 1
    assert rows(path) == ["a"]


def test_what_was_put_back_may_be_stored(opened: Open) -> None:
    fill(box := opened(), "a")
    first = box.take()
    assert first is not None
    assert not first.may_be_stored
    box.put_back(first)
    again = box.take()
    assert again is not None
    assert again.may_be_stored


def test_a_drive_without_a_write_ahead_log_is_refused(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    # A database in memory has none either.
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **options: connect(":memory:", **options))
    with pytest.raises(OutboxError, match="put it on a local disk"):
        opened()


def test_a_file_that_is_closed_is_forgotten(opened: Open) -> None:
    files = outbox_file.open_files
    box = opened()
    assert box.file in files
    box.close(loses_nothing)
    assert box.file not in files


def test_a_directory_or_a_missing_one_is_refused(tmp_path: Path, client: InngestClient) -> None:
    with pytest.raises(OutboxError, match="No such file or directory"):
        EventBuffer(client, tmp_path / "missing" / "outbox.db")
    with pytest.raises(OutboxError, match="unable to open"):
        EventBuffer(client, tmp_path)


def test_an_error_pickles() -> None:
    error = pickle.loads(pickle.dumps(OutboxError("x", path="/p")))
    assert (str(error), error.path) == ("x", "/p")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_only_its_owner_reads_the_file(opened: Open, path: Path) -> None:
    fill(opened(), "a")
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.chdir(tmp_path)
    schedule = Schedule(3, 1.0, clock.monotonic)
    box = Outbox("o.db", schedule, lambda: None, max_pending=9, lease=LEASE, now=clock.now)
    box.close(loses_nothing)
    monkeypatch.chdir("/")
    fill(box, "a")
    assert rows(tmp_path / "o.db") == ["a"]


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="open files are listed on Linux alone")
def test_reading_after_close_leaves_no_file_open(opened: Open, path: Path) -> None:
    box = opened()
    fill(box, "a")
    box.close(loses_nothing)
    assert box.pending == 1
    assert not [each for each in OPEN_FILES.iterdir() if str(path) in str(each.resolve())]


def test_events_older_than_the_idempotency_window_are_logged_once(
    opened: Open, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    box = opened(batch_size=1)
    fill(box, "a", "b", "c")
    clock.advance(IDEMPOTENCY_WINDOW)
    box.take()
    assert caplog.text == ""
    clock.advance(3_600)
    box.take()
    box.take()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "up to 25 hours" in record.message


# Through a buffer, whose thread waits in real time.


@pytest.fixture
def client(server: Server) -> Iterator[InngestClient]:
    with InngestClient(dev=True, transport=server, retries=0) as client:
        yield client


def test_events_left_by_one_process_are_sent_by_another(
    client: InngestClient, server: Server, path: Path
) -> None:
    server.on(ROUTE, text(503, "down"))
    buffer = EventBuffer(client, path)
    buffer.add({"name": "a", "id": "own"})
    buffer.flush(0.05)
    assert buffer.close(0.05) == 1
    assert buffer.report == SendReport()
    with EventBuffer(client, path) as again:
        assert again.pending == 1
        server.on(ROUTE, accepts_all)
        assert again.flush(PATIENCE)
        assert again.report.accepted == 1
    assert server.bodies()[-1] == [{"name": "a", "id": "own", "data": {}}]
    assert rows(path) == []


def test_what_was_refused_here_and_sent_by_another_process_is_forgotten(
    opened: Open, clock: Clock
) -> None:
    here, there = opened(), opened()
    fill(here, "a")
    batch = here.take()
    assert batch is not None
    page = InvalidResponseError("a page", method="POST", url="", status=403, body="")
    here.settle(BatchOutcome(batch, [Refused("a page")], page))
    there.settle(outcome(there.take(), "A"))
    clock.advance(60)
    assert here.take() is None
    fill(here, "b")
    assert names(here.take()) == ["b"]


def test_a_backlog_goes_out_without_an_event_being_added(
    client: InngestClient, server: Server, path: Path, opened: Open
) -> None:
    fill(box := opened(), "a")
    box.close(loses_nothing)
    server.on(ROUTE, accepts_all)
    done = threading.Event()
    with EventBuffer(client, path, on_batch=lambda _: done.set()):
        assert done.wait(PATIENCE)
    assert rows(path) == []


def test_a_buffer_sends_past_damaged_rows_and_counts_them_as_rejected(
    client: InngestClient, server: Server, path: Path, opened: Open
) -> None:
    fill(box := opened(), "a", "b", "c")
    box.close(loses_nothing)
    change(path, "UPDATE entries SET text = X'7B' WHERE seq < 3")
    server.on(ROUTE, accepts_all)
    with EventBuffer(client, path, batch_size=1) as buffer:
        assert buffer.flush(PATIENCE)
        assert (buffer.report.accepted, buffer.report.rejected) == (1, 2)
        assert len(buffer.dead_letters()) == 2


def test_dead_letters_need_a_file(client: InngestClient) -> None:
    with EventBuffer(client) as buffer, pytest.raises(InvalidArgumentError, match="path"):
        buffer.dead_letters()
    with EventBuffer(client) as buffer, pytest.raises(InvalidArgumentError, match="path"):
        buffer.discard([])


def test_close_logs_how_many_events_are_left_in_the_file(
    client: InngestClient, server: Server, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.on(ROUTE, text(503, "down"))
    buffer = EventBuffer(client, path)
    buffer.add({"name": "a"})
    assert buffer.close(0.05) == 1
    assert "1 events are left in" in caplog.text
    assert ServerError.__name__ not in caplog.text
    assert rows(path) == ["a"]


@pytest.mark.parametrize("path", ["a\0b", b"bytes", 5, object], ids=ascii)
def test_what_is_no_path_is_refused(client: Any, path: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="store must be the path"):
        _open(client, path)


def _open(client: Any, path: Any) -> Any:
    if isinstance(client, InngestClient):
        return EventBuffer(client, path)
    return Blocking(AsyncEventBuffer(client.target, path), client.runner)


def test_an_event_that_an_earlier_process_left_is_due_at_once(opened: Open) -> None:
    first = opened()
    assert first._schedule.due_in() == 3_600  # noqa: SLF001
    fill(first, "a")
    assert opened()._schedule.due_in() == 0  # noqa: SLF001


def test_an_event_for_which_there_is_no_room_wakes_nobody(path: Path, clock: Clock) -> None:
    woken = list[int]()
    schedule = Schedule(3, 1.0, clock.monotonic)
    options: dict[str, Any] = {"lease": LEASE, "now": clock.now, "max_pending": 1}
    box = Outbox(path, schedule, lambda: woken.append(box.pending), **options)
    fill(box, "a")
    batch = box.take()
    assert not box.put({"name": "b"})
    assert woken == [1]
    box.settle(outcome(batch, "A"))
    fill(box, "c")
    assert woken == [1, 1]
    box.settle(outcome(box.take(), "A"))
    box.close(loses_nothing)


def test_what_a_batch_leaves_in_a_file_waits_for_its_own_age(opened: Open) -> None:
    box = opened()
    fill(box, *"abcd")
    assert names(box.take()) == [*"abc"]
    assert box._schedule.due_in() == 1  # noqa: SLF001


def test_an_event_that_is_added_while_a_batch_waits_for_the_file_is_counted_once(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(3, 1.0, clock.monotonic)
    box = Outbox(path, schedule, lambda: None, max_pending=9, lease=LEASE, now=clock.now)
    fill(box, *"abc")
    write_outcomes = box._write_outcomes  # noqa: SLF001

    def add_first(*unsent: Any) -> None:
        fill(box, "d")
        write_outcomes(*unsent)

    monkeypatch.setattr(box, "_write_outcomes", add_first)
    assert names(box.take()) == ["a", "b", "c"]
    assert schedule.waiting == 1
    box.file.close()
