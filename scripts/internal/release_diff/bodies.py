"""What two bodies have: their fields with the kinds and the values of these."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.contract.document import TIME
from tests.contract.recordings import hides_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.contract.recordings import Recording

    Json = Any

OUTPUT_IN_A_LIST = re.compile(r"\[\].*\boutput[.\[]")
WORD = re.compile(r"[A-Z][A-Z_]+")
KINDS = {
    "ULID": re.compile(r"[0-9A-HJKMNP-TV-Z]{26}"),
    "UUID": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "digits": re.compile(r"\d+"),
    "time": TIME,
}


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield each field with its path, such as `data[].id`; objects and lists before what is in."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, f"{path}[]")


def kind(value: Json) -> str:
    """Return what kind of value something is; of a text, which form it has."""
    if isinstance(value, str):
        return next((name for name, form in KINDS.items() if form.fullmatch(value)), "text")
    names = {bool: "boolean", int: "number", float: "number", dict: "object", list: "list"}
    return names.get(type(value), "null")


def fields(bodies: Iterable[Json]) -> dict[str, set[str]]:
    """Return the kinds of value of each field, by its path; null is none.

    What is in the output of a run in a list is left out: which runs come first is chance.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for body in bodies:
        for path, value in leaves(body):
            if not OUTPUT_IN_A_LIST.search(path):
                found[path] |= {kind(value)} - {"null"}
    return found


def words(bodies: Iterable[Json]) -> dict[str, set[str]]:
    """Return the words in capitals that each field has, which are values of an enum."""
    found: dict[str, set[str]] = defaultdict(set)
    for body in bodies:
        for path, value in leaves(body):
            if isinstance(value, str) and WORD.fullmatch(value):
                found[path].add(value)
    return found


def changed(value: Json, path: str, change: Callable[[dict[str, Json], str], None]) -> Json:
    """Copy a body, and let `change` change the object of each field with a path."""
    first, _, rest = path.partition(".")
    name, depth = first.rstrip("[]"), first.count("[]")
    if not isinstance(value, dict):
        return value
    if not rest:
        copy = dict(value)
        change(copy, name)
        return copy
    if name not in value:
        return value
    return {**value, name: _within(value[name], depth, rest, change)}


def _within(
    value: Json, depth: int, path: str, change: Callable[[dict[str, Json], str], None]
) -> Json:
    if depth and isinstance(value, list):
        return [_within(each, depth - 1, path, change) for each in value]
    return changed(value, path, change)


def name_of(path: str) -> str:
    """Return the name of the field that a path leads to."""
    return path.rpartition(".")[2].removesuffix("[]")


def form(exchange: Recording) -> str:
    """Return the form of a response: status and content type, and of an error code and fields."""
    kind = exchange.content_type.partition(";")[0].removeprefix("application/")
    status, body = str(exchange.status), exchange.received
    if not exchange.is_refusal:
        return status if kind in {"json", ""} else f"{status} {kind}"
    if exchange.status == 200 and hides_error(body):
        status = f"200 as {body.get('status')}"
    return " ".join(filter(None, (status, kind, _form_of_error(body))))


def _form_of_error(body: Json) -> str:
    """Return the codes of an error, or its outer fields."""
    if not isinstance(body, dict):
        return ""
    codes = [str(value) for path, value in leaves(body) if name_of(path) == "code"]
    return ", ".join(codes) or ("{" + ", ".join(sorted(body)) + "}" if body else "")
