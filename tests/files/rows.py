"""The calls of files, which need one, for the suites that try every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.files import EventExport, ExportOptions, RunExport
from tests.support.interface import FILTERS_OF_EVENTS, FILTERS_OF_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.faults.operations import Tools
    from tests.operations.cases import World


def _send_file(tools: Tools) -> object:
    tools.file.write_text('{"name":"shop/order.placed","data":{"n":1}}\n')
    return tools.client.send_file(tools.file)


FAULTS: dict[str, Callable[[Tools], object]] = {
    "send_file": _send_file,
    "events.export": lambda it: it.client.events.export(it.file.with_suffix(".jsonl")),
    "runs.export": lambda it: it.client.runs.export(it.file.with_suffix(".csv")),
}
FAULT_KINDS = {"send_file": "send_many"}


def _file(folder: Path) -> Path:
    file = folder / "events.ndjson"
    file.write_text('{"name": "app/placed"}\nno json\n' * 2)
    return file


SECRETS: dict[str, Callable[[Any, Path], Any]] = {
    "send_file": lambda it, folder: it.send_file(_file(folder), batch_size=1, in_flight=1),
    "events.export": lambda it, folder: it.events.export(folder / "events.jsonl"),
    "runs.export": lambda it, folder: it.runs.export(folder / "runs.csv", include=["event"]),
}

OPERATIONS: dict[str, Callable[[World], Mapping[str, Any]]] = {
    "send_file": lambda world: {"path": str(world.file)},
    "events.export": lambda world: {"path": str(world.file.with_name("events.jsonl"))},
    "runs.export": lambda world: {"path": str(world.file.with_name("runs.csv"))},
}

SHARED_ARGUMENTS: dict[str, tuple[tuple[Any, ...], set[str]]] = {
    "Runs.export": ((RunExport, *FILTERS_OF_RUNS, ExportOptions), set()),
    "Events.export": ((EventExport, *FILTERS_OF_EVENTS, ExportOptions), {"since"}),
}


def _events_exported(client: Any, path: Path) -> int:
    client.events.export(path)
    return len(path.read_text().splitlines())


def _runs_exported(client: Any, path: Path) -> int:
    client.runs.export(path)
    return len(path.read_text().splitlines())


PAGE_COUNTS = {"events in a file": (_events_exported, 13)}
PAGE_COUNTS_OF_V2 = {"runs in a file": (_runs_exported, 21)}
WINDOWED = {"runs.export": lambda it, folder: it.runs.export(folder / "runs.csv")}
SELECTING = {"export": ("runs.csv",)}
