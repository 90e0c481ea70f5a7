"""Records as Arrow tables: the only module that imports pyarrow, when a table is made."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from inngest_rest._values.extras import how_to_install
from inngest_rest.errors import Advice, ConfigurationError
from inngest_rest.record import Record, columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def _load() -> Any:
    """Import pyarrow; raise if it is not installed."""
    try:
        return import_module("pyarrow")
    except ModuleNotFoundError:
        raise ConfigurationError(
            "Arrow requires pyarrow",
            advice=Advice(f"Install it: {how_to_install('arrow')}"),
        ) from None


def batch(kind: Any, items: Sequence[Any]) -> Any:
    """Return records as a record batch; `kind` is their class, by default that of the first."""
    record_class: Any = kind
    if record_class is None and items:
        record_class = items[0].__class__
    if record_class and not issubclass(record_class, Record):
        raise TypeError(
            f"{record_class.__name__} has no columns: make a table of what to_dict() returns"
        )
    pa = _load()
    types = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
        datetime: pa.timestamp("us", tz="UTC"),
        timedelta: pa.duration("us"),
        tuple: pa.list_(pa.string()),
    }
    fields: list[tuple[str, Any]] = []
    arrays: list[list[Any]] = []
    for column in columns(record_class) if record_class else ():
        fields.append((column.name, types[column.type]))
        arrays.append([column.value_of(item) for item in items])
    return pa.record_batch(arrays, schema=pa.schema(fields))


def table(kind: type[Record] | None, batches: Sequence[Any]) -> Any:
    if not batches:
        batches = [batch(kind, ())]
    return _load().Table.from_batches(batches)


def stream(
    kind: type[Record] | None, paginator: Any, requested_schema: object
) -> object:
    """Return the pages of a listing as an Arrow stream, each fetched when it is read."""
    if not hasattr(paginator, "__iter__"):
        raise TypeError(
            "an asynchronous listing cannot be read here: pass await .to_arrow()"
        )
    batches = _batches(kind, paginator.pages())
    # Without a kind, the first batch has the schema.
    first = [] if kind else [*islice(batches, 1)]
    with_schema = first[0] if first else batch(kind, ())
    reader = _load().RecordBatchReader.from_batches(
        with_schema.schema, chain(first, batches)
    )
    return reader.__arrow_c_stream__(requested_schema)


def _batches(kind: type[Record] | None, pages: Iterable[Any]) -> Iterator[Any]:
    """Yield the record batch of each page that has items."""
    for page in pages:
        if page.items:
            yield batch(kind, page.items)
