"""Records as Arrow tables, by pyarrow: the one module that imports it, where a table is made."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from io import BytesIO
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from inngest_rest.errors import ConfigurationError
from inngest_rest.record import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest.record import Record


def load(module: str = "pyarrow") -> Any:
    """Import a module of pyarrow; raise if it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        how = "pip install 'inngest-rest[arrow]'"
        raise ConfigurationError(f"Arrow and Parquet require pyarrow: {how}") from None


def batch(kind: Any, items: Sequence[Any]) -> Any:
    """Return records as a batch of Arrow; of what kind they are, the first one may say."""
    pa = load()
    types = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
        datetime: pa.timestamp("us", tz="UTC"),
        timedelta: pa.duration("us"),
        tuple: pa.list_(pa.string()),
    }
    found: Any = kind or (items[0].__class__ if items else None)
    named = columns(found) if found else ()
    schema = pa.schema([(each.name, types[each.type]) for each in named])
    return pa.record_batch(
        [[*map(each.value_of, items)] for each in named], schema=schema
    )


def table(kind: type[Record] | None, batches: Sequence[Any]) -> Any:
    return load().Table.from_batches(batches or [batch(kind, ())])


def stream(
    kind: type[Record] | None, paginator: Any, requested_schema: object
) -> object:
    """Return the pages of a listing as an Arrow stream, each fetched when it is read."""
    if not hasattr(paginator, "__iter__"):
        raise TypeError(
            "an asynchronous listing cannot be read here: pass await .to_arrow()"
        )
    batches = (batch(kind, page.items) for page in paginator.pages() if page.items)
    first = [] if kind else [*islice(batches, 1)]
    form = (first or [batch(kind, ())])[0].schema
    reader = load().RecordBatchReader.from_batches(form, chain(first, batches))
    return reader.__arrow_c_stream__(requested_schema)


def parquet(kind: type[Record], rows: Sequence[Record]) -> bytes:
    content = BytesIO()
    load("pyarrow.parquet").write_table(table(kind, [batch(kind, rows)]), content)
    return content.getvalue()
