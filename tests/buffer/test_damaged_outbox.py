"""An outbox as somebody or something left it."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import OutboxError
from inngest_rest._core.sending.batching import BatchOutcome, Rejected
from inngest_rest.buffer._outbox import Outbox
from inngest_rest.buffer._schedule import Schedule
from tests.hostile.invalid import bounded, briefly
from tests.support.clock import Clock


class Opened:
    """An outbox as a worker uses it, without a thread: everything in it is taken and accepted."""

    def __init__(self, path: Path) -> None:
        clock = Clock()
        schedule = Schedule(2, 1.0, clock.monotonic)
        self.box = Outbox(path, schedule, lambda: None, max_pending=100, lease=60.0, now=clock.now)

    def drain(self) -> list[str]:
        """Return the names of what was sent."""
        sent: list[str] = []
        for _ in range(20):
            batch = self.box.take()
            if batch is None:
                return sent
            sent += [str(each.get("name")) for each in batch.events()]
            self.box.settle(BatchOutcome(batch, ["internal"] * len(batch.positions)))
        raise AssertionError("it has no end")

    def use(self) -> None:
        """Do everything else that a buffer does."""
        repr(self.box.dead_letters())
        self.box.discard(self.box.dead_letters())
        self.box.put({"name": "app/new"})
        assert self.box.pending >= 0
        self.box.has_left(self.box.mark())


@pytest.fixture(scope="module")
def outbox(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of an outbox with three events and a dead letter."""
    path = tmp_path_factory.mktemp("outbox") / "outbox.db"
    box = Opened(path).box
    box.put({"name": "app/refused", "id": "refused"})
    batch = box.take()
    assert batch is not None
    box.settle(BatchOutcome(batch, [Rejected("bad")]))
    for name in NAMES:
        box.put({"name": name, "id": name})
    box.close(lambda _: None)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    return path.read_bytes()


NAMES = ["app/a", "app/b", "app/c"]


@settings(bounded, max_examples=60)
@given(data=st.data())
def test_a_damaged_outbox_works_or_is_refused(outbox: bytes, data: st.DataObject) -> None:
    damage = bytearray(outbox)
    for _ in range(data.draw(st.integers(1, 8))):
        # What is of use in a page is at its beginning and at its end.
        page = data.draw(st.integers(0, len(outbox) // 4096 - 1)) * 4096
        offset = data.draw(st.integers(0, 120) | st.integers(3900, 4095))
        damage[page + offset] = data.draw(st.integers(0, 255))
    size = data.draw(st.sampled_from([len(outbox)] * 4 + [0, 1, 100, 4096, 5000, 8192]))
    with tempfile.TemporaryDirectory() as folder, briefly():
        path = Path(folder, "outbox.db")
        path.write_bytes(damage[:size])
        with suppress(OutboxError):
            opened = Opened(path)
            for act in (opened.drain, opened.use, opened.drain):
                with suppress(OutboxError):
                    act()
            opened.box.close(lambda _: None)


CELLS = ["0", "-1", "1e300", "9223372036854775807", "''", "'x'", "X''", "X'FF'", "X'7B7D'"]
COLUMNS = ["text", "added_at", "owner", "leased_until"]


def define(path: Path, definition: str) -> None:
    """Change how the table of events is defined, and nothing in it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA writable_schema = 1")
        db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'entries'", [definition])


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("cell", CELLS)
def test_an_event_in_a_damaged_row_is_sent_or_becomes_a_dead_letter(
    outbox: bytes, tmp_path: Path, column: str, cell: str
) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(outbox)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"UPDATE entries SET {column} = {cell} WHERE seq = 3")
    opened = Opened(path)
    sent = opened.drain()
    assert opened.box.pending == 0
    if column == "text" and cell != "X'7B7D'":
        assert sent == ["app/a", "app/c"]
        assert [each.position for each in opened.box.dead_letters()] == [1, 3]
    else:
        assert len(sent) == 3
    opened.box.close(lambda _: None)


def test_an_outbox_whose_pages_are_damaged_is_refused(outbox: bytes, tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(outbox)
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT sql FROM sqlite_schema WHERE name = 'entries'"
        [definition] = db.execute(query).fetchone()
    # Flipped bits heed no NOT NULL.
    define(path, definition.replace(" NOT NULL", ""))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE entries SET text = NULL WHERE seq = 3")
    define(path, definition)
    with pytest.raises(OutboxError, match=r"is damaged: .*entries\.text\. Move it aside"):
        Opened(path)


ENDLESS = """
DROP TABLE counts;
CREATE VIEW counts AS
WITH RECURSIVE n(pending) AS (SELECT 1 UNION ALL SELECT pending + 1 FROM n)
SELECT count(*) AS pending FROM n
"""


@pytest.mark.parametrize(
    "change",
    [
        ENDLESS,
        "DROP TRIGGER entry_in",
        "DROP TABLE dead_letters",
        "ALTER TABLE entries DROP COLUMN owner",
        "ALTER TABLE entries RENAME TO others",
    ],
)
def test_an_outbox_of_other_tables_is_refused_as_it_is(
    outbox: bytes, tmp_path: Path, change: str
) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(outbox)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(change)
    before = path.read_bytes()
    with briefly(), pytest.raises(OutboxError, match="Move it aside"):
        Opened(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    assert path.read_bytes()[100:] == before[100:]


def test_an_outbox_that_somebody_has_looked_into_is_one(outbox: bytes, tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(outbox)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript("CREATE TABLE notes (x); CREATE INDEX names ON entries (text); ANALYZE")
    assert Opened(path).drain() == NAMES
