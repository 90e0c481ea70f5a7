"""The arguments of an import: the file, and the files beside it."""

from __future__ import annotations

import os
import re
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._local.arguments import check_path, check_text, invalid
from inngest_rest._local.files import (
    STDIN,
    rejected_path,
)
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.files._import.lines import Lines
from inngest_rest.files._import.rows import TableRows
from inngest_rest.files._import.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


AnyPath = str | os.PathLike[str]


# A row of CSV at the beginning of a file, rather than JSON with a mistake in it.
_HEADER = re.compile(rb"[^\x00-\x08{\[\r\n]*[,;\t][^\x00-\x08{\[\r\n]*[\r\n]")


class ImportOptions(NamedTuple):
    """Validated arguments of `send_file`."""

    path: str
    name: str
    rejected: Path
    resume: bool
    open: Callable[[], Lines | TableRows]


def options_of_file(
    path: AnyPath,
    name: str | None,
    dead_letters: AnyPath | None,
    event: str | None,
    columns: Mapping[str, str] | None,
    *,
    csv: bool,
    resume: bool,
) -> ImportOptions:
    check_path("path", path)
    source = os.fspath(path)
    table = None
    if csv or event is not None or columns:
        table = Table.of(event, columns)
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
    return ImportOptions(
        path=source,
        name=name,
        rejected=rejected,
        resume=resume,
        open=partial(_open, source, table, grows=resume),
    )


def _open(path: str, table: Table | None, *, grows: bool) -> Lines | TableRows:
    """Open a file as lines or as a table; raise for a table without a name for its events."""
    lines = Lines(path, grows=grows)
    try:
        if table is None and _HEADER.match(lines.start):
            command = f"send-file {shlex.quote(path)} --csv --event shop/order.created"
            how = f"`inngest-rest {command}` sends its rows as events"
            raise invalid(path, f"is a table, not JSON lines: {how}", argument="event")
        if table is None:
            return lines
        return TableRows(lines, table, path, grows=grows)
    except BaseException:
        lines.close()
        raise
