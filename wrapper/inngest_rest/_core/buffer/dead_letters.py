"""The dead letters of an outbox: events that the server rejected, or that are damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.json_text import decode
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from inngest_rest._core.buffer.sqlite_file import OutboxFile

# Flipped bits heed no NOT NULL.
_BURY = """
INSERT OR IGNORE INTO dead_letters
SELECT
    seq,
    CASE typeof(text) WHEN 'null' THEN X'' ELSE text END,
    CASE typeof(added_at) WHEN 'null' THEN 0 ELSE added_at END,
    ?, ?
FROM entries WHERE seq = ?
"""


def bury(db: sqlite3.Connection, reasons: Iterable[tuple[int, str]], now: float) -> None:
    """Copy events to the dead letters, each with the reason."""
    db.executemany(_BURY, [(now, reason, seq) for seq, reason in reasons])


def read(file: OutboxFile) -> list[SendFailure]:
    """Return all of a file, the oldest first."""
    with file.reading() as db:
        rows = db.execute("SELECT seq, text, reason FROM dead_letters ORDER BY seq").fetchall()
    return [
        SendFailure(seq, decode(text) if is_json_object(text) else {}, str(reason))
        for seq, text, reason in rows
    ]


def discard(file: OutboxFile, letters: Iterable[SendFailure]) -> None:
    """Delete those that were read before."""
    gone = [(_position_of(each),) for each in letters]
    with file.transaction("did not discard") as db:
        db.executemany("DELETE FROM dead_letters WHERE seq = ?", gone)


def is_json_object(text: object) -> bool:
    """Return whether what is in the place of an event is not damaged."""
    try:
        return isinstance(text, bytes) and isinstance(decode(text), dict)
    except ValueError:
        return False


def _position_of(letter: SendFailure) -> int:
    position: object = getattr(letter, "position", None)
    if type(position) is not int or not 0 <= position < 1 << 63:
        raise InvalidArgumentError(
            f"a letter is one of dead_letters(), not {shown(letter)}", argument="letters"
        )
    return position
