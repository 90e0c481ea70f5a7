"""What differs between two surveys, each difference once with all the operations that show it."""

from __future__ import annotations

import re
from collections import defaultdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Literal

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


def causes(old: Survey, new: Survey) -> list[Cause]:
    """Return the differences between two servers: those that they show whenever they are asked."""
    first = {cause.key for cause in _of_one_moment(old, new, _paired(old.exchanges, new.exchanges))}
    later = _of_one_moment(old, new, _paired(old.later, new.later))
    return [cause for cause in later if cause.key in first]


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
    usual = {probe: each for probe, each in pairs.items() if probe.is_ordinary}
    came: dict[str, Probe] = {}
    went: dict[str, Probe] = {}
    for probe, (before, after) in usual.items():
        if lacks(before) != lacks(after):
            (came if lacks(before) else went)[probe.operation] = probe
    for name, probe in went.items():
        refused = alterations.refusing(name, usual[probe][1])
        yield Cause("operation gone", _route(name), (name,), refused, (probe,))
    for name, probe in came.items():
        yield Cause("operation new", _route(name), (name,), probes=(probe,))
    asked = {probe.operation: probe for probe in new.exchanges}
    for name in sorted(new.listed.keys() - old.listed.keys()):
        if DOCUMENT.match(*_example(name)) is None:
            shown = (asked[name],) if name in asked else ()
            yield Cause("operation new", f"{name}, listed", (name,), probes=shown)
    for name in sorted(old.listed.keys() - new.listed.keys() if new.listed else ()):
        yield Cause("operation gone", f"{name}, listed", (name,))


def _route(operation: str) -> str:
    found = next((each for each in DOCUMENT.operations if each.id == operation), None)
    return operation if found is None else f"{found.method.upper()} {found.path}"


def _example(name: str) -> tuple[str, str]:
    method, path = name.split(" ", 1)
    return method, re.sub(r"\{\w+\}", "x", path)


def _parameters(old: Survey, new: Survey) -> Iterator[Cause]:
    """Yield the parameters that the servers list of the same operation."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in old.listed.keys() & new.listed.keys():
        before, after = old.listed[name], new.listed[name]
        for each in after - before:
            found[f"{each} is new"].append(name)
        for each in before - after:
            found[f"{each} is gone"].append(name)
    for what, names in found.items():
        yield Cause("parameter", what, tuple(sorted(names)))


def _fields(pairs: Pairs) -> Iterator[Cause]:
    """Yield the fields of successes that came, went, were renamed or have another form."""
    gone, come, renamed, formed = (defaultdict[Any, list[tuple[str, str]]](list) for _ in range(4))
    samples: dict[str, Any] = {}
    replacements: dict[tuple[str, str, str], Any] = {}
    for operation, (old, new) in _bodies(pairs).items():
        before, after = fields(old), fields(new)
        for path in sorted(before.keys() & after.keys()):
            one, two = before[path], after[path]
            if one and two and not one & two:
                change = name_of(path), " or ".join(sorted(one)), " or ".join(sorted(two))
                formed[change].append((operation, path))
                replacements.setdefault(change, _sample(new, path))
                before, after = _without(before, path), _without(after, path)
        lost, added = _outer(before.keys() - after.keys()), _outer(after.keys() - before.keys())
        for path in sorted(lost):
            if other := _successor(path, added, before, after):
                added.remove(other)
                renamed[name_of(path), name_of(other)].append((operation, path))
            else:
                gone[re.sub(r"^data(\[\])?\.", "", path)].append((operation, path))
        for path in added:
            come[name_of(path)].append((operation, path))
            samples.setdefault(name_of(path), _sample(new, path))
    for name, places in come.items():
        made = alterations.adding(places, samples[name])
        yield Cause("field new", f"{name} = {samples[name]!r:.40}", _names(places), made)
    for (name, other), places in renamed.items():
        made = alterations.renaming(places, other)
        yield Cause("field renamed", f"{name} -> {other}", _names(places), made)
    for name, places in gone.items():
        yield Cause("field gone", name, _names(places), alterations.removing(places))
    for (name, one, two), places in formed.items():
        made = alterations.replacing(places, replacements[name, one, two])
        yield Cause("form of a field", f"{name}: {one} -> {two}", _names(places), made)


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
    place = path.rpartition(".")[0]
    alike = [
        (SequenceMatcher(None, name_of(path).lower(), name_of(each).lower()).ratio(), each)
        for each in added
        if each.rpartition(".")[0] == place and (before[path] & after[each] or not before[path])
    ]
    likeness, best = max(alike, default=(0.0, ""))
    return best if likeness > 0.4 else None


def _sample(bodies: Iterable[Any], path: str) -> Any:
    values = (value for body in bodies for each, value in leaves(body) if each == path)
    value = next((value for value in values if value is not None), None)
    return value if isinstance(value, str | int | float | bool | None) else type(value).__name__


def _names(places: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(sorted({operation for operation, _ in places}))


def _values(pairs: Pairs) -> Iterator[Cause]:
    """Yield the values of enums that are neither the old server's nor documented there."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for operation, (old, new) in _bodies(pairs).items():
        before = words(old)
        for path, values in words(new).items():
            for value in values - before.get(path, set()):
                if _is_documented(operation, new, value):
                    continue
                found[name_of(path), value].append((operation, path))
    for (name, value), places in found.items():
        made = _valued(pairs, places, value)
        yield Cause("value new", f"{name} {value}", _names(places), made, value=value)


def _is_documented(operation: str, bodies: Iterable[Any], value: str) -> bool:
    """Return whether the document allows a value wherever the bodies have it."""
    documented = next((each for each in DOCUMENT.operations if each.id == operation), None)
    content = (documented and documented.content(200)) or {}
    schemas = [each["schema"] for kind, each in content.items() if "json" in kind]
    return bool(schemas) and not any(
        repr(value) in fault for body in bodies for fault in DOCUMENT.faults(schemas[0], body)
    )


def _valued(pairs: Pairs, places: list[tuple[str, str]], value: str) -> Alteration:
    """Put a new value where the old server has another one in the same response.

    Lists may be in another order: what is not in one tells more.
    """
    instead: set[str] = set()
    alone = [each for each in places if "[]" not in each[1]]
    for probe, (before, after) in pairs.items():
        for operation, path in alone or places:
            if operation == probe.operation:
                old = [each for at, each in leaves(before.received) if at == path]
                new = [each for at, each in leaves(after.received) if at == path]
                instead |= {a for a, b in zip(old, new, strict=False) if b == value and a != b}
    return alterations.replacing(places, value, instead_of=frozenset(instead))


def _limits(old: Mapping[str, Limit], new: Mapping[str, Limit]) -> Iterator[Cause]:
    """Yield the largest pages that differ, those of the same numbers together."""
    found: dict[tuple[Limit, Limit], list[str]] = defaultdict(list)
    for operation in old.keys() & new.keys():
        if old[operation] != new[operation]:
            found[old[operation], new[operation]].append(operation)
    for (before, after), operations in found.items():
        one, two = (_what_more_gets(each) for each in (before, after))
        said = two if one == two else f"{one} -> {two}"
        yield Cause(
            "page limit",
            f"{before.most or 'any'} -> {after.most or 'any'} ({said})",
            tuple(sorted(operations)),
            None
            if after.most is None
            else alterations.limiting(operations, after.most, refuses=after.refuses),
        )


def _what_more_gets(limit: Limit) -> str:
    if limit.refuses:
        return "more is refused"
    return "more gets as many" if limit.most else "nothing is refused"


def _responses(pairs: Pairs) -> Iterator[Cause]:
    """Yield the statuses, content types and forms of errors that differ."""
    found: dict[tuple[str, str], list[Probe]] = defaultdict(list)
    for probe, (before, after) in pairs.items():
        one, two = form(before), form(after)
        if one != two:
            found[one, two].append(probe)
    for (one, two), probes in found.items():
        names = sorted({each.operation for each in probes})
        shown = sorted({each.name for each in probes})
        is_event = all(each.operation in ("sendEvents", "sendEventV2") for each in probes)
        what = f"{', '.join(shown[:3])}{' ...' * (len(shown) > 3)}: {one} -> {two}"
        answers = {each: pairs[each] for each in probes}
        made = alterations.answering(answers)
        yield Cause(
            kind="event" if is_event else "response",
            what=what,
            operations=tuple(names),
            alteration=made,
            probes=tuple(probes),
            key=f"{one} -> {two}",
        )
