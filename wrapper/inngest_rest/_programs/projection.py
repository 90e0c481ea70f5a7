"""Projection: the fields of records that an answer has; by default those that say most."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

import attrs
from attrs import NOTHING, define, field

from inngest_rest._visible import and_more, did_you_mean
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.record import Record, plain_or_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_NAMED = 10  # paths of one warning
_LONGEST_LINE = 160  # of an error in a list
_LONGEST_STACK = 300
_MOST_IDS = 20

# Fields that an answer has only if they are asked for, by the class; of an item of a list, these.
_LEFT_OUT = {
    "Span": ("id", "step_id", "queued_at", "ended_at", "input", "metadata"),
    "Explanation": ("event", "listeners", "unchecked"),  # the sentence has the last
    "RunExplanation": ("unchecked",),
    "Reason": ("message", "evidence"),  # so does it these
    "Job": ("id", "step_id", "concurrency_keys"),
    "Diagnosis": ("calls", "versions"),
    "ActionRow": ("replays_before", "requested_at"),
}
_LEFT_OUT_OF_ITEM = {"Run": ("event_ids",), "Function": ("configuration",)}

# What a list calls otherwise than its class does.
_OF_LISTS = {("Run", "function"): ("app_id", "function_id")}


@define(eq=False, repr=False)
class Projection:
    """Which fields of records an answer has, in which order, and what it leaves out."""

    fields: tuple[str, ...] | None = None  # with dots for what is below; None for what says most
    max_chars: int | None = None
    is_whole: bool = False  # it has all fields
    remedy: str = "--full"  # how to get what is cut
    _cut: list[str] = field(factory=list, init=False)
    _left_out: dict[str, None] = field(factory=dict[str, None], init=False)

    @classmethod
    def of(
        cls, fields: str | None, max_chars: int | None, kind: type[Any], **manner: Any
    ) -> Projection:
        """Return what is asked for of records of a class; a star stands for all fields."""
        if max_chars is not None and max_chars < 1:
            message = f"max_chars must be at least 1, got {max_chars}"
            raise InvalidArgumentError(message, argument="max_chars")
        if fields is None or fields.strip() == "*":
            manner["is_whole"] = manner.get("is_whole") or fields is not None
            return cls(None, max_chars, **manner)
        given = (name.strip().replace("-", "_") for name in fields.split(","))
        names = [each for it in given for each in _OF_LISTS.get((kind.__name__, it), (it,))]
        for name in names:
            _check(name, kind)
        return cls(tuple(dict.fromkeys(names)), max_chars, **manner)

    def plain(self, record: Record, *, is_item: bool = False) -> dict[str, Any]:
        """Return what is wanted of a record in the types of JSON, without what is null."""
        found = self._record(record, is_item)
        if self.fields is None:
            return found
        tree: dict[str, Any] = {}
        for name in self.fields:
            below = tree
            for part in name.split("."):
                below = below.setdefault(part, {})
        return cast("dict[str, Any]", _picked(found, tree))

    def _record(self, it: Record, is_item: bool) -> dict[str, Any]:
        kind, is_brief = type(it).__name__, self.fields is None and not self.is_whole
        left_out = _LEFT_OUT.get(kind, ()) + _LEFT_OUT_OF_ITEM.get(kind, ()) * is_item
        left_out *= is_brief
        found: dict[str, Any] = {}
        for each in attrs.fields(type(it)):  # type: ignore[arg-type]
            value = getattr(it, each.name)
            # By default it is empty.
            is_empty = value in ((), {}) and each.default not in (None, NOTHING)
            is_told = value is not None and not (is_empty or each.name.startswith("_"))
            if is_told and each.name not in left_out:
                found[each.name] = self._value(value, is_brief and is_item)
        if is_brief:
            self._left_out |= dict.fromkeys(_shorten(kind, found, is_item))
        return found

    def _value(self, value: object, is_item: bool) -> Any:
        match value:
            case Record():
                return self._record(value, True)
            case tuple():
                return [self._value(each, True) for each in cast("tuple[object, ...]", value)]
            case datetime() if value.tzinfo is not None:
                digits: Any = "microseconds" if value.microsecond % 1000 else "milliseconds"
                digits = "seconds" if is_item or not value.microsecond else digits
                text = value.astimezone(UTC).isoformat(timespec=digits)
                return text.replace("+00:00", "Z")
            case timedelta():
                return round(value.total_seconds(), 3)
            case _:
                return plain_or_text(value)

    def cut(self, data: Any, path: str) -> Any:
        """Cut the texts that are too long, and note their paths."""
        if self.max_chars is None:
            return data
        from inngest_rest._programs import bounds  # noqa: PLC0415 - few ask for it

        data, paths = bounds.cut(data, self.max_chars, path=path)
        self._cut.extend(paths)
        return data

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was cut, and left out, and how the caller gets it."""
        cut = f"cut at {self.max_chars} characters: {and_more(self._cut, _MOST_NAMED)}"
        out = f"cut: {', '.join(self._left_out)}; {self.remedy} has it"
        return (*[cut] * bool(self._cut), *[out] * bool(self._left_out))


def field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(each.name for each in attrs.fields(kind) if not each.name.startswith("_"))


def _check(name: str, kind: type[Any]) -> None:
    """Raise if records of a class have no such field; what a payload has is not known."""
    below: type[Any] | None = kind
    for part in name.split("."):
        if below is None:
            return
        if part not in (valid := field_names(below)):
            message = f"unknown field {name!r}{did_you_mean(part, valid)}"
            raise InvalidArgumentError(message, argument="fields")
        below = _record_in(get_type_hints(below)[part]) if "." in name else None


def _record_in(hint: Any) -> type[Record] | None:
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint
    return next(filter(None, map(_record_in, get_args(hint))), None)


def _picked(value: Any, tree: Mapping[str, Any]) -> Any:
    match value:
        case list() if tree:
            return [_picked(each, tree) for each in cast("Any", value)]
        case dict() if tree:
            found = cast("dict[str, Any]", value)
            return {name: _picked(found[name], tree[name]) for name in tree if name in found}
        case _:
            return value


def _shorten(kind: str, record: dict[str, Any], is_item: bool) -> Iterable[str]:
    """Make a record of a class shorter, and yield what that leaves out."""
    if kind == "Run" and is_item and "function_id" in record:
        names = record.pop("app_id", None), record.pop("function_id")
        record["function"] = "/".join(filter(None, names))  # as rows of a report have it
    match kind:
        case "Run" if "error" in record:
            error = record["error"]
            stack = error.pop("stack", "")
            if is_item:
                text = error.get("message") or error.get("name") or ""
                record["error"] = text.strip().partition("\n")[0][:_LONGEST_LINE]
            elif stack:
                error["stack"] = stack[:_LONGEST_STACK]
            yield from ["error.stack"] * (len(stack) > _LONGEST_STACK and not is_item)
        case "Sent" | "SendPreview":
            failures: list[dict[str, Any]] = record.get("failures", [])
            counts = Counter(each["reason"] for each in failures)
            if len(counts) < len(failures):
                firsts = {each["reason"]: each for each in reversed(failures)}
                record["failures"] = [{"count": counts[it], **firsts[it]} for it in counts]
                yield "failures of the same reason"
            if len(record.get("ids", ())) > _MOST_IDS:
                record["ids"] = record["ids"][:_MOST_IDS]
                yield f"ids after the first {_MOST_IDS}"
        case "Diagnosis":
            found = record["findings"]
            record["findings"] = [it for it in found if it["state"] != "ok"]
            record["passed"] = [it["check"] for it in found if it["state"] == "ok"]
            yield "findings that are ok"
        case "ActionRow" if "id" in record:
            del record["position"]
        case _:
            pass
