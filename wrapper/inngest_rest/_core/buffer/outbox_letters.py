"""What a server refused, kept in the file of an outbox until somebody has looked at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.buffer.sqlite_file import OutboxFile


def read(file: OutboxFile) -> list[SendFailure]:
    """Return what was refused, oldest first."""
    with file.reading() as db:
        rows = db.execute("SELECT seq, text, reason FROM dead_letters ORDER BY seq").fetchall()
    return [SendFailure(seq, orjson.loads(text), reason) for seq, text, reason in rows]


def discard(file: OutboxFile, letters: Iterable[SendFailure]) -> None:
    """Delete some of it."""
    gone = [(each.position,) for each in letters]
    with file.transaction("did not discard") as db:
        db.executemany("DELETE FROM dead_letters WHERE seq = ?", gone)
