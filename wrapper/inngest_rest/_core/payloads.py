"""Conversion between the data of events and typed payloads.

msgspec does it for dataclasses, attrs classes and TypedDicts: it checks strictly, names the path of
what is wrong, and is one dependency without any of its own. Of the others, cattrs coerces ("5"
becomes 5), and pydantic's TypeAdapter knows no attrs classes. A pydantic model converts itself, so
pydantic is never imported here.
"""

from __future__ import annotations

import dataclasses
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_origin, is_typeddict

import attrs

from inngest_rest.errors import EventDataError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from inngest_rest.models import StoredEvent

T = TypeVar("T")


def check_kind(name: str, kind: object) -> None:
    """Reject what is not a type of payload.

    Raises:
        InvalidArgumentError: It is none.
        ImportError: The extra that converts it is not installed.
    """
    bare: Any = get_origin(kind) or kind
    if _is_pydantic(bare):
        return
    is_class: bool = type.__instancecheck__(type, bare)
    if not is_class or not (
        dataclasses.is_dataclass(bare) or attrs.has(bare) or is_typeddict(bare)
    ):
        raise InvalidArgumentError(
            f"{name} must be a dataclass, an attrs class, a TypedDict or a pydantic model, "
            f"not {kind!r}"
        )
    _msgspec()


def to_data(payload: T, kind: type[T]) -> dict[str, Any]:
    """Return a payload as event data, in the types of JSON.

    Raises:
        ValueError: It is not of this type; the message has the path.
    """
    bare = get_origin(kind) or kind
    if not isinstance(payload, dict if is_typeddict(bare) else bare):
        raise ValueError(f"data must be {_name(kind)}, not {type(payload).__name__}")  # noqa: TRY004
    if _is_pydantic(bare):
        return cast("dict[str, Any]", _dumped(payload))
    plain = _plain(payload)
    again = _plain(to_payload(plain, kind))
    _check_dropped(plain, again, "data")
    return plain


def to_payload(data: Mapping[str, Any] | None, kind: type[T]) -> T:
    """Return event data as a payload; keys that the type does not have are ignored.

    Raises:
        ValueError: It is not of this type; the message has the path.
    """
    if _is_pydantic(get_origin(kind) or kind):
        try:
            return cast("T", _validated(kind, data or {}))
        except ValueError as error:
            raise ValueError(f"data{error}") from None
    msgspec = _msgspec()
    try:
        return cast("T", msgspec.convert(data or {}, kind, dec_hook=_validated))
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`")
        # The reason of a pydantic model begins with a path of its own.
        joint = "" if reason.startswith(".") else ": "
        raise ValueError(f"data{path}{joint}{_lower(reason)}") from None


def read_event(event: StoredEvent, kind: type[T]) -> StoredEvent[T]:
    """Return a stored event with its data as a payload.

    Raises:
        EventDataError: It is not of this type.
    """
    try:
        payload = to_payload(event.data, kind)
    except ValueError as error:
        raise EventDataError(str(error), event=event) from None
    return cast("StoredEvent[T]", attrs.evolve(event, data=cast("Any", payload)))


def _plain(payload: object) -> dict[str, Any]:
    return cast("dict[str, Any]", _msgspec().to_builtins(payload, enc_hook=_dumped))


def _check_dropped(given: object, kept: object, path: str) -> None:
    """Reject a key that the type does not have: a misspelt one would go unnoticed."""
    if given == kept:
        return
    if isinstance(given, dict) and isinstance(kept, dict):
        known = cast("dict[str, object]", kept)
        for key, each in cast("dict[str, object]", given).items():
            if key not in known:
                near = get_close_matches(key, [it for it in known if it not in given], n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{path}: unknown key {key!r}{hint}")
            _check_dropped(each, known[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(kept, list):
        pairs = zip(cast("list[object]", given), cast("list[object]", kept), strict=False)
        for index, (each, other) in enumerate(pairs):
            _check_dropped(each, other, f"{path}[{index}]")


def _is_pydantic(kind: object) -> bool:
    return hasattr(kind, "model_validate") and hasattr(kind, "model_dump")


def _dumped(model: Any) -> Any:
    kind = model.__class__
    if not _is_pydantic(kind):
        raise ValueError(f"data has a value of type {kind.__name__}, which JSON lacks")
    try:
        return model.model_dump(mode="json", by_alias=True, warnings="error")
    except ValueError as error:
        raise ValueError(f"data: {' '.join(str(error).split())}") from None


def _validated(kind: Any, data: object) -> Any:
    """Return data as the pydantic model that it is to be."""
    if not _is_pydantic(kind):
        raise ValueError(f"no conversion to {_name(kind)}")
    try:
        return kind.model_validate(data)
    except ValueError as error:
        first = cast("Any", error).errors()[0]
        path = "".join(f"[{it}]" if isinstance(it, int) else f".{it}" for it in first["loc"])
        raise ValueError(f"{path}: {_lower(first['msg'])}") from None


def _lower(reason: str) -> str:
    return reason[:1].lower() + reason[1:]


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or repr(kind)


def _msgspec() -> ModuleType:
    try:
        import msgspec  # noqa: PLC0415 - only who has typed events needs it
    except ModuleNotFoundError as error:
        raise ImportError(
            "msgspec is not installed, which typed events need: pip install 'inngest-rest[typed]'",
            name=error.name,
        ) from error
    return msgspec
