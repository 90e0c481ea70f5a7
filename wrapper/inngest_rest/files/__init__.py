"""Files of runs and events: exports of them, and imports of events.

_export     the export itself: list, complete, write; the file is whole, or the one before
_exported   the exported records: runs, perhaps with their events and traces, or events
_columns    the columns that a caller names and chooses
_formats    the writers: NDJSON, CSV
_import     sending a file of events, or the events of a program with a checkpoint
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypedDict

from attrs import frozen

from inngest_rest.record import Record
from inngest_rest.typing import EventFilter, RunSelection

__all__ = [
    "EventExport",
    "ExportOptions",
    "ExportReport",
    "RunExport",
    "RunInclude",
]


@frozen(repr=False)
class ExportReport(Record):
    """What an export has written.

    Attributes:
        path: The file.
        rows: Number of rows in it.
    """

    path: str
    rows: int


RunInclude = Literal["output", "event", "trace"]
"""What an export of runs has besides the fields of a list."""


class ExportOptions(TypedDict, total=False):
    """How to export.

    It raises `InvalidArgumentError` if an argument is malformed or the file cannot be written.

    Attributes:
        columns: What each column holds, by its name and in this order, such as `{"run": "id",
            "error": "error.message"}`: the path of a field. Dots lead into records and into JSON.
            By default all fields.
        escape_formulas: CSV for spreadsheets. Prefixes texts that they would execute as formulas
            with an apostrophe.
        on_progress: Called with the number of rows written so far.
    """

    columns: Mapping[str, str] | None
    escape_formulas: bool
    on_progress: Callable[[int], object] | None


class RunExport(RunSelection, ExportOptions, total=False):
    """Which runs to export, and how: `RunSelection` and `ExportOptions`.

    Attributes:
        include: Fields to add; event and trace cost one request per run. Columns that name them
            need no include. A selection of only `failed` runs always has errors.
    """

    include: Iterable[RunInclude] | None


class EventExport(EventFilter, ExportOptions, total=False):
    """Which events to export, and how: `EventFilter` and `ExportOptions`."""
