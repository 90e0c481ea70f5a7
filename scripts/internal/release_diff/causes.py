"""What differs between two surveys, each difference once with all the operations that show it."""

from __future__ import annotations

import re
from collections import defaultdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from attrs import Factory, field, frozen

from scripts.internal.release_diff import alterations
from scripts.internal.release_diff.bodies import fields, form, leaves, name_of, words
from scripts.internal.release_diff.survey import lacks
from tests.contract.world import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scripts.internal.release_diff.alterations import Alteration
    from scripts.internal.release_diff.survey import Limit, Probe, Survey
    from tests.contract.recordings import Recording

    Pairs = Mapping[Probe, tuple[Recording, Recording]]

Kind = Literal[
    "operation new",
    "operation gone",
    "parameter",
    "field new",
    "field gone",
    "field renamed",
    "form of a field",
    "value new",
    "page limit",
    "event",
    "response",
]


@frozen
class Cause:
    """One difference.

    Attributes:
        kind: What kind of difference it is.
        what: The difference, in words.
        operations: The operations that show it.
        alteration: What makes the old server differ in this alone; None if no call can meet it.
        probes: The requests that show it.
        value: The new value, of one that has such.
        key: What it is recognized by when the servers are asked again.
    """

    kind: Kind
    what: str
    operations: tuple[str, ...]
    alteration: Alteration | None = field(default=None, eq=False)
    probes: tuple[Probe, ...] = field(default=(), eq=False, repr=False)
    value: str | None = None
    key: str = field(
        default=Factory(lambda it: f"{it.kind} {it.what.partition(' = ')[0]}", takes_self=True),
        repr=False,
    )


class FieldChange(NamedTuple):
    """What changed about a field: its form from `old` to `new`, or its name to `new`."""

    kind: Kind
    name: str
    old: str = ""
    new: str = ""


FIELD_KINDS: tuple[Kind, ...] = ("field new", "field renamed", "field gone", "form of a field")

Place = tuple[str, str]
"""An operation, and the path of a field in its bodies."""


def causes(old: Survey, new: Survey) -> list[Cause]:
    """Return the differences between two servers: those that they show whenever they are asked."""
    first = _of_one_moment(old, new, _paired(old.exchanges, new.exchanges))
    later = _of_one_moment(old, new, _paired(old.later, new.later))
    lasting = {cause.key for cause in first}
    return [cause for cause in later if cause.key in lasting]


def _paired(old: Mapping[Probe, Recording], new: Mapping[Probe, Recording]) -> Pairs:
    return {probe: (old[probe], exchange) for probe, exchange in new.items() if probe in old}


def _of_one_moment(old: Survey, new: Survey, pairs: Pairs) -> list[Cause]:
    moved = list(_operations(old, new, pairs))
    without = {name for cause in moved for name in cause.operations}
    pairs = {
        probe: each
        for probe, each in pairs.items()
        if probe.operation not in without and not all(map(lacks, each))
    }
    return [
        *moved,
        *_parameters(old, new),
        *_fields(pairs),
        *_values(pairs),
        *_limits(old.limits, new.limits),
        *_responses(pairs),
    ]


def _operations(old: Survey, new: Survey, pairs: Pairs) -> Iterator[Cause]:
    """Yield the operations that one of the servers lacks."""
    moved = {
        probe.operation: probe
        for probe, (before, after) in pairs.items()
        if probe.is_ordinary and lacks(before) != lacks(after)
    }
    for name, probe in moved.items():
        refusal = pairs[probe][1]
        if lacks(refusal):
            refused = alterations.refusing(name, refusal)
            yield Cause("operation gone", _route(name), (name,), refused, (probe,))
    for name, probe in moved.items():
        if lacks(pairs[probe][0]):
            yield Cause("operation new", _route(name), (name,), probes=(probe,))
    yield from _listed_operations(old, new)


def _listed_operations(old: Survey, new: Survey) -> Iterator[Cause]:
    """Yield the operations that one of the servers lists, and that are not documented."""
    asked = {probe.operation: probe for probe in new.exchanges}
    for name in sorted(new.listed.keys() - old.listed.keys()):
        method, path = name.split(" ", 1)
        if DOCUMENT.match(method, re.sub(r"\{\w+\}", "x", path)) is None:
            shown = (asked[name],) if name in asked else ()
            yield Cause("operation new", f"{name}, listed", (name,), probes=shown)
    if new.listed:
        for name in sorted(old.listed.keys() - new.listed.keys()):
            yield Cause("operation gone", f"{name}, listed", (name,))


def _route(operation: str) -> str:
    found = next((each for each in DOCUMENT.operations if each.id == operation), None)
    return operation if found is None else f"{found.method.upper()} {found.path}"


def _parameters(old: Survey, new: Survey) -> Iterator[Cause]:
    """Yield the parameters that the servers list of the same operation."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(old.listed.keys() & new.listed.keys()):
        before, after = old.listed[name], new.listed[name]
        for each in sorted(after - before):
            found[f"{each} is new"].append(name)
        for each in sorted(before - after):
            found[f"{each} is gone"].append(name)
    for what, names in found.items():
        yield Cause("parameter", what, tuple(names))


def _fields(pairs: Pairs) -> Iterator[Cause]:
    """Yield the fields of successes that came, went, were renamed or have another form."""
    places: dict[FieldChange, list[Place]] = defaultdict(list)
    samples: dict[FieldChange, Any] = {}
    for operation, (old, new) in _bodies(pairs).items():
        for change, path in _field_changes(old, new):
            places[change].append((operation, path))
            samples.setdefault(change, _sample(new, path))
    for change in sorted(places, key=lambda it: FIELD_KINDS.index(it.kind)):
        yield _cause_of(change, places[change], samples[change])


def _field_changes(old: list[Any], new: list[Any]) -> Iterator[tuple[FieldChange, str]]:
    """Yield what changed in the bodies of one operation, each with the path that shows it."""
    before, after = fields(old), fields(new)
    for path in sorted(before.keys() & after.keys()):
        one, two = before[path], after[path]
        if one and two and not one & two:
            was, is_ = (" or ".join(sorted(each)) for each in (one, two))
            yield FieldChange("form of a field", name_of(path), was, is_), path
            before, after = _without(before, path), _without(after, path)
    lost = _outer(before.keys() - after.keys())
    added = _outer(after.keys() - before.keys())
    for path in sorted(lost):
        if other := _successor(path, added, before, after):
            added.remove(other)
            yield FieldChange("field renamed", name_of(path), new=name_of(other)), path
        else:
            yield FieldChange("field gone", re.sub(r"^data(\[\])?\.", "", path)), path
    for path in sorted(added):
        yield FieldChange("field new", name_of(path)), path


def _cause_of(change: FieldChange, places: list[Place], sample: Any) -> Cause:
    name = change.name
    match change.kind:
        case "field new":
            what = f"{name} = {sample!r:.40}"
            alteration = alterations.adding(places, sample)
        case "field renamed":
            what = f"{name} -> {change.new}"
            alteration = alterations.renaming(places, change.new)
        case "field gone":
            what = name
            alteration = alterations.removing(places)
        case _:
            what = f"{name}: {change.old} -> {change.new}"
            alteration = alterations.replacing(places, sample)
    return Cause(change.kind, what, _names(places), alteration)


def _bodies(pairs: Pairs) -> dict[str, tuple[list[Any], list[Any]]]:
    """Return the successes of both servers, by operation."""
    found: dict[str, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for probe, (before, after) in pairs.items():
        if not before.is_refusal and not after.is_refusal:
            old, new = found[probe.operation]
            old.append(before.received)
            new.append(after.received)
    found.pop("listOperationsV2", None)  # compared by what it lists
    return found


def _without(found: dict[str, set[str]], path: str) -> dict[str, set[str]]:
    """Leave out what is within a field."""
    return {each: kinds for each, kinds in found.items() if not _is_within(each, path)}


def _is_within(path: str, other: str) -> bool:
    return path.startswith((f"{other}.", f"{other}[]"))


def _outer(paths: set[str]) -> set[str]:
    """Leave out what is within another of the paths."""
    return {path for path in paths if not any(_is_within(path, other) for other in paths)}


def _successor(
    path: str, added: set[str], before: Mapping[str, set[str]], after: Mapping[str, set[str]]
) -> str | None:
    """Return the field that a gone one was renamed to: a like one, in the same place."""
    place, name = path.rpartition(".")[0], name_of(path).lower()
    alike: dict[str, float] = {}
    for each in added:
        is_of_a_kind = before[path] & after[each] or not before[path]
        if each.rpartition(".")[0] == place and is_of_a_kind:
            alike[each] = SequenceMatcher(None, name, name_of(each).lower()).ratio()
    best = max(alike, key=alike.__getitem__, default=None)
    return best if best is not None and alike[best] > 0.4 else None


def _sample(bodies: Iterable[Any], path: str) -> Any:
    """Return a value of a field; of an object or a list which of these it is."""
    for body in bodies:
        for value in _at(path, body):
            if value is not None:
                is_plain = isinstance(value, str | int | float | bool)
                return value if is_plain else type(value).__name__
    return None


def _names(places: Iterable[Place]) -> tuple[str, ...]:
    return tuple(sorted({operation for operation, _ in places}))


def _values(pairs: Pairs) -> Iterator[Cause]:
    """Yield the values of enums that are neither the old server's nor documented there."""
    found: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for operation, (old, new) in _bodies(pairs).items():
        before = words(old)
        for path, values in words(new).items():
            for value in values - before.get(path, set()):
                if not _is_documented(operation, new, value):
                    found[name_of(path), value].append((operation, path))
    for (name, value), places in found.items():
        instead = _replaced_by(value, pairs, places)
        made = alterations.replacing(places, value, instead_of=instead)
        yield Cause("value new", f"{name} {value}", _names(places), made, value=value)


def _is_documented(operation: str, bodies: Iterable[Any], value: str) -> bool:
    """Return whether the document allows a value wherever the bodies have it."""
    documented = [each for each in DOCUMENT.operations if each.id == operation]
    content = (documented[0].content(200) if documented else None) or {}
    schemas = [each["schema"] for kind, each in content.items() if "json" in kind]
    if not schemas:
        return False
    faults = [fault for body in bodies for fault in DOCUMENT.faults(schemas[0], body)]
    return not any(repr(value) in fault for fault in faults)


def _replaced_by(value: str, pairs: Pairs, places: list[Place]) -> frozenset[Any]:
    """Return what the old server has where the new one has a value, in the same responses.

    Lists may be in another order: what is not in one tells more.
    """
    alone = [each for each in places if "[]" not in each[1]]
    instead: set[str] = set()
    for probe, (before, after) in pairs.items():
        for operation, path in alone or places:
            if operation == probe.operation:
                old, new = (_at(path, each.received) for each in (before, after))
                instead.update(a for a, b in zip(old, new, strict=False) if b == value != a)
    return frozenset(instead)


def _at(path: str, body: Any) -> list[Any]:
    return [value for place, value in leaves(body) if place == path]


def _limits(old: Mapping[str, Limit], new: Mapping[str, Limit]) -> Iterator[Cause]:
    """Yield the largest pages that differ, those of the same numbers together."""
    found: dict[tuple[Limit, Limit], list[str]] = defaultdict(list)
    for operation in old.keys() & new.keys():
        if old[operation] != new[operation]:
            found[old[operation], new[operation]].append(operation)
    for (before, after), operations in found.items():
        change = f"{before.most or 'any'} -> {after.most or 'any'}"
        gets = " -> ".join(dict.fromkeys(map(_what_more_gets, (before, after))))
        made = None
        if after.most is not None:
            made = alterations.limiting(operations, after.most, refuses=after.refuses)
        yield Cause("page limit", f"{change} ({gets})", tuple(sorted(operations)), made)


def _what_more_gets(limit: Limit) -> str:
    if limit.refuses:
        return "more is refused"
    return "more gets as many" if limit.most else "nothing is refused"


def _responses(pairs: Pairs) -> Iterator[Cause]:
    """Yield the statuses, content types and forms of errors that differ."""
    found: dict[str, list[Probe]] = defaultdict(list)
    for probe, (before, after) in pairs.items():
        one, two = form(before), form(after)
        if one != two:
            found[f"{one} -> {two}"].append(probe)
    for change, probes in found.items():
        operations = {each.operation for each in probes}
        shown = sorted({each.name for each in probes})
        more = " ..." if len(shown) > 3 else ""
        yield Cause(
            kind="event" if operations <= {"sendEvents", "sendEventV2"} else "response",
            what=f"{', '.join(shown[:3])}{more}: {change}",
            operations=tuple(sorted(operations)),
            alteration=alterations.answering({each: pairs[each] for each in probes}),
            probes=tuple(probes),
            key=change,
        )
