"""The form of a response, and the fields of a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.contract.recordings import hides_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.recordings import Recording

    Json = Any


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
