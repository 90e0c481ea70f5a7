"""A page read straight from its JSON is what the generated models make of it."""

from __future__ import annotations

import json
import random
import re
from contextlib import suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest._core.resources import events
from inngest_rest._core.resources.rows import PageReader, PageRow, row_of
from inngest_rest._core.resources.run_rows import (
    V1RunRow,
    V2RunRow,
    listed_run_of_v1,
    listed_run_of_v2,
)
from inngest_rest.models import Run, StoredEvent
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import read_json
from tests.support.server import RECORDINGS, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest.record import Record

READERS: dict[str, PageReader[Any]] = {
    "/v2/runs": PageReader(v2.list_runs_v2, listed_run_of_v2, V2RunRow),
    "/v2/events/[^/]+/runs": PageReader(v2.list_event_runs_v2, listed_run_of_v2, V2RunRow),
    "/v1/events/[^/]+/runs": PageReader(v1.list_event_runs_v1, listed_run_of_v1, V1RunRow),
    "/v1/events": PageReader(v1.list_events_v1, events.listed_event, events.EventRow),
}

MODELS: dict[type[PageRow], Any] = {
    V2RunRow: api.V2Run,
    V1RunRow: api.V1Run,
    events.EventRow: api.V1Event,
}

ROWS: dict[str, dict[str, Any]] = {
    "/v2/runs": {
        "id": "01M86WNRKHYE50ZF3GG530BHRT",
        "app": {"id": "shop"},
        "function": {"id": "greet", "name": "Greet", "slug": "shop-greet"},
        "trigger": {"eventIds": ["01M86WNRG0YYYPRBM426FGBJSC"], "isBatch": False, "batchId": "b"},
        "status": "FAILED",
        "queuedAt": "2026-11-24T13:42:09.779Z",
        "startedAt": "2026-11-24T13:42:09.783129305Z",
        "endedAt": "2026-11-24T13:42:10.783129305Z",
        "durationMs": "1000",
        "output": {"error": {"name": "E", "message": "m"}},
    },
    "/v1/events/[^/]+/runs": {
        "run_id": "01M86WNRKHYE50ZF3GG530BHRT",
        "run_started_at": "2026-11-24T13:42:09.777Z",
        "function_id": "39dfc054-6808-53bd-90b7-98756fd9bf24",
        "function_version": 0,
        "environment_id": "00000000-0000-4000-b000-000000000000",
        "status": "Completed",
        "event_id": "01M86WNRFXGX2X6REM97R8ZTYK",
        "batch_id": None,
        "original_run_id": None,
        "cron": "* * * * *",
        "ended_at": "2026-11-24T13:42:09.921142877Z",
        "output": {"data": [1]},
    },
    "/v1/events": {
        "internal_id": "01M86WNRFXGX2X6REM97R8ZTYK",
        "id": "key",
        "name": "app/user.created",
        "data": {"a": 1},
        "ts": 1_764_000_000_000,
        "received_at": "2026-11-24T13:42:09.921142877Z",
        "receivedAt": "2026-11-24T13:42:09.921142877Z",
        "user": {},
        "v": "1",
    },
}

TIMES = (
    "2026-11-24T13:42:09Z",
    "2026-11-24T13:42:09.9211428779Z",
    "0001-01-01T00:00:00Z",
    "2026-11-24T13:42:09",
    "2026-11-24t13:42:09z",
    "2026-11-24T13:42:09.5+05:30",
    "2026-11-24",
    "2026-11-24T24:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
)
STATUSES = ("CANCELLED", "QUEUED", "Running", "COMPLETED", "SKIPPED", "Overflowed", "")
ABSENT = object()

odd_values = st.one_of(
    st.sampled_from([ABSENT, None, True, 0, 1.0, -1, 2**70, 1e999, "", "x", "\ud800", "ä", [], {}]),
    st.sampled_from([["a"], ["\ud800"], [None], {"id": "a"}, {"id": 1}, {"id": None}, {"data": 1}]),
    st.sampled_from([*TIMES, *STATUSES]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["data", "error", "a"]), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)


def places(value: Any) -> list[tuple[dict[str, Any], str]]:
    """Return each field of an object, and those of the objects in it."""
    if not isinstance(value, dict):
        return []
    inner = [place for each in value.values() for place in places(each)]
    return [(value, key) for key in value] + inner


def page_with(row: dict[str, Any], changes: list[tuple[int, Any]]) -> bytes:
    """Return a page of one row whose fields, by their number, have other values."""
    row = json.loads(json.dumps(row))
    for number, value in changes:
        owner, key = random.Random(number).choice(places(row))
        if value is ABSENT:
            del owner[key]
        else:
            owner[key] = deepcopy(value)
        row["added"] = number
    page = {"data": [row], "page": {"cursor": "c", "hasMore": True}, "metadata": {"fetchedAt": "x"}}
    return json.dumps(page).encode()


def check_both_ways(reader: PageReader[Any], content: bytes) -> bool:
    """Return whether a page is read straight; fail if that differs from the models."""
    straight = reader.from_json(content)
    if straight is None:
        return False
    by_models = reader.from_dict(read_json(content))
    # What a listing reads of the envelope.
    pages = [getattr(envelope, "page", None) for envelope, _ in (straight, by_models)]
    assert repr(pages[0]) == repr(pages[1])
    # Nor do types differ, such as 1 and True, or the order of keys.
    assert repr([vars_of(each) for each in straight[1]]) == repr([*map(vars_of, by_models[1])])
    return True


def vars_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.to_dict()}


@pytest.mark.parametrize("path", ROWS)
@settings(max_examples=600, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 40), odd_values), max_size=3))
def test_rows_of_any_values_are_read_alike(path: str, changes: list[tuple[int, Any]]) -> None:
    check_both_ways(READERS[path], page_with(ROWS[path], changes))


@pytest.mark.parametrize("path", ROWS)
@settings(max_examples=300, deadline=None)
@given(at=st.floats(0, 1), removed=st.integers(0, 4), added=st.binary(max_size=3))
def test_damaged_pages_are_read_alike(path: str, at: float, removed: int, added: bytes) -> None:
    content = page_with(ROWS[path], [])
    place = int(at * len(content))
    check_both_ways(READERS[path], content[:place] + added + content[place + removed :])


@pytest.mark.parametrize("path", READERS)
def test_recorded_pages_are_read_straight_and_alike(path: str) -> None:
    read = []
    for file in sorted(RECORDINGS.glob("*.json")):
        recording = json.loads(file.read_text(encoding="utf-8"))
        request, response = recording["request"], recording["response"]
        is_listed = re.fullmatch(path, request["path"]) and response["status"] == 200
        if is_listed and (response["body"] or {}).get("data"):
            assert check_both_ways(READERS[path], recorded(file.stem).body), file.stem
            read.append(file.stem)
    assert read


@pytest.mark.parametrize("path", ROWS)
def test_what_a_row_does_not_name_is_not_looked_at(path: str) -> None:
    row = {**ROWS[path], "added": {"a": [None, 2**80]}}
    assert check_both_ways(READERS[path], page_with(row, []))


@pytest.mark.parametrize("kind", MODELS)
def test_a_row_names_fields_as_the_document_does(kind: type[PageRow]) -> None:
    def check(kind: type[PageRow], model: Any) -> None:
        for each in msgspec.structs.fields(kind):
            assert model.FIELDS[each.encode_name] == each.name
            if isinstance(each.type, type) and issubclass(each.type, PageRow):
                check(each.type, type(getattr(model.from_dict({}), each.name)))

    check(kind, MODELS[kind])


RECORDS: dict[type[PageRow], tuple[type[Record], Callable[[Any], Record]]] = {
    V2RunRow: (Run, listed_run_of_v2),
    V1RunRow: (Run, listed_run_of_v1),
    events.EventRow: (StoredEvent, events.listed_event),
}
"""What a row becomes, by which function: `record` fills no row, since it takes twice as long."""

OF_ITS_OWN = {
    (V2RunRow, "started_at"): "in lists it is when the run was scheduled; run_of_v2 has it",
    (V1RunRow, "function_id"): "it is a UUID, the internal_function_id of a run",
}


def shared_fields(kind: type[PageRow]) -> Iterator[str]:
    """Yield the fields that a record has by the same names as the generated model of its row."""
    record = RECORDS[kind][0]
    for each in attrs.fields(record):  # type: ignore[arg-type]
        if each.name in MODELS[kind].FIELDS.values() and (kind, each.name) not in OF_ITS_OWN:
            yield each.name


@pytest.mark.parametrize("kind", MODELS)
def test_a_row_has_each_field_that_its_record_has_by_the_name_of_the_document(
    kind: type[PageRow],
) -> None:
    record = RECORDS[kind][0].__name__
    missing = set(shared_fields(kind)) - {*kind.__struct_fields__}
    assert not missing, (
        f"{record}.{min(missing)} stays None: add `{min(missing)}`, with its type in JSON, to "
        f"{kind.__name__} of {kind.__module__}"
    )


@pytest.mark.parametrize("kind", MODELS)
def test_a_record_has_each_field_that_its_row_has_by_the_same_name(kind: type[PageRow]) -> None:
    record, convert = RECORDS[kind]
    types = {each.name: each.type for each in msgspec.structs.fields(kind)}
    shared = [name for name in shared_fields(kind) if name in types]
    values = {name: value_of(types[name]) for name in shared}
    if "status" in values:
        values["status"] = "COMPLETED"  # so that it has an output
    made = convert(msgspec.structs.replace(example_of(kind), **values))
    lost = [name for name in shared if getattr(made, name) is None]
    assert not lost, (
        f"add `{lost[0]}=row.{lost[0]}` to the {record.__name__} that {convert.__name__} of "
        f"{convert.__module__} makes"
    )


def value_of(type_: Any) -> Any:
    """Return a value of a type in JSON, which is as well a time if it is a text."""
    for value in ("2026-11-24T13:42:09Z", 1, 1.0, True, ["a"], {"a": 1}):
        with suppress(msgspec.ValidationError):
            return msgspec.convert(value, type_)
    raise AssertionError(type_)


def example_of(kind: type[PageRow]) -> PageRow:
    (path,) = {path for path, reader in READERS.items() if reader._kind is kind} & ROWS.keys()  # noqa: SLF001
    return row_of(kind, MODELS[kind].from_dict(ROWS[path]))


def test_a_value_that_is_not_as_documented_is_refused_by_its_name() -> None:
    odd = {**ROWS["/v2/runs"], "app": {"id": 5}}
    with pytest.raises(ValueError, match="id: str expected, not int"):
        row_of(V2RunRow, api.V2Run.from_dict(odd))


@pytest.mark.parametrize("spelling", ["received_at", "receivedAt"])
def test_a_time_that_is_none_is_not_hidden_by_its_other_spelling(spelling: str) -> None:
    odd = {**ROWS["/v1/events"], spelling: "soon"}
    assert READERS["/v1/events"].from_json(page_with(odd, [])) is None
