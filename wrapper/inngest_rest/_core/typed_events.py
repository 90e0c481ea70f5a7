"""Conversion between the data of events and typed payloads.

msgspec does it for dataclasses, attrs classes and TypedDicts: it is strict, and names the path of
what is wrong. Of the others, cattrs coerces ("5" becomes 5), and pydantic's TypeAdapter knows no
attrs classes. A pydantic model converts itself, so pydantic is never imported here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_origin, is_typeddict

import attrs
import msgspec

from inngest_rest._visible import nearest, shown
from inngest_rest.errors import EventDataError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inngest_rest.models import StoredEvent

    _Object = dict[str, object]
    _Array = Sequence[object]

T = TypeVar("T")


def check_kind(name: str, kind: object) -> None:
    """Reject what is not a type of payload, or has fields that cannot be converted.

    Raises:
        InvalidArgumentError: It is none.
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
            f"not {shown(kind)}",
            argument=name,
        )
    try:
        msgspec.convert(None, kind, dec_hook=_validated)
    except msgspec.ValidationError:
        pass  # None is not of the type, but the type can be converted to.
    except (NameError, TypeError) as error:
        raise InvalidArgumentError(
            f"{name} {_name(kind)} cannot be used: {error}", argument=name
        ) from None


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
    try:
        again = _plain(to_payload(plain, kind))
    except ValueError:
        _check_misspelt(plain, kind)
        raise
    if again != plain:
        _check_dropped(plain, again, kind)
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
    try:
        return msgspec.convert(data or {}, kind, dec_hook=_validated)
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
    return cast("dict[str, Any]", msgspec.to_builtins(payload, enc_hook=_dumped))


def _check_misspelt(given: dict[str, Any], kind: object) -> None:
    """Reject a key that resembles a missing one: that explains why the other is missing."""
    for path, data, fields in _objects(given, kind):
        for key in data:
            if key not in fields and (hint := _hint(key, data, fields)):
                raise ValueError(f"{path}: unknown key {shown(key)}{hint}")


def _check_dropped(given: dict[str, Any], kept: dict[str, Any], kind: object) -> None:
    """Reject a key that the type does not have: a misspelt one would go unnoticed."""
    found = next(_dropped(given, kept, "data"), None)
    if found is not None:
        path, data, key = found
        fields = {at: names for at, _, names in _objects(given, kind)}.get(path, ())
        raise ValueError(f"{path}: unknown key {shown(key)}{_hint(key, data, fields)}")


def _dropped(given: object, kept: object, path: str) -> Iterator[tuple[str, _Object, str]]:
    """Yield what was dropped: where, the object it was in, and its key."""
    if isinstance(given, dict) and isinstance(kept, dict):
        data, known = cast("_Object", given), cast("_Object", kept)
        for key, each in data.items():
            if key not in known:
                yield path, data, key
            else:
                yield from _dropped(each, known[key], f"{path}.{key}")
    elif isinstance(given, list | tuple) and isinstance(kept, list | tuple):
        pairs = zip(cast("_Array", given), cast("_Array", kept), strict=False)
        for index, (each, other) in enumerate(pairs):
            yield from _dropped(each, other, f"{path}[{index}]")


def _objects(data: _Object, kind: object) -> Iterator[tuple[str, _Object, Sequence[str]]]:
    """Yield each object whose type has fields: its path, itself, and the names of the fields."""
    from msgspec import inspect  # noqa: PLC0415 - only data that is refused comes here

    def look(data: object, kind: inspect.Type, path: str) -> Iterator[Any]:
        match kind, data:
            case inspect.UnionType(), _:
                # Only one of them can be an object or an array: msgspec takes no other union.
                for member in kind.types:
                    yield from look(data, member, path)
            case ((inspect.TypedDictType() | inspect.DataclassType()), dict()):
                known = cast("_Object", data)
                yield path, known, [field.encode_name for field in kind.fields]
                for field in kind.fields:
                    name = field.encode_name
                    yield from look(known.get(name), field.type, f"{path}.{name}")
            case inspect.DictType(), dict():
                for key, each in cast("_Object", data).items():
                    yield from look(each, kind.value_type, f"{path}.{key}")
            case ((inspect.ListType() | inspect.VarTupleType()), (list() | tuple())):
                for index, each in enumerate(cast("_Array", data)):
                    yield from look(each, kind.item_type, f"{path}[{index}]")
            case _:
                pass

    return look(data, inspect.type_info(kind), "data")


def _hint(key: str, data: _Object, fields: Sequence[str]) -> str:
    near = nearest(key, (field for field in fields if field not in data))
    return f"; did you mean {near!r}?" if near else ""


def _is_pydantic(kind: object) -> bool:
    return hasattr(kind, "model_validate") and hasattr(kind, "model_dump")


def _dumped(model: Any) -> Any:
    kind = model.__class__
    if not _is_pydantic(kind):
        raise ValueError(f"data has a value of type {kind.__name__}, which JSON cannot represent")
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
