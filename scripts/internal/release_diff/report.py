"""The report of a comparison: a few lines for each difference, and JSON with all of it."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from tests.contract.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scripts.internal.release_diff.calls import Judgement
    from scripts.internal.release_diff.causes import Cause

WIDTH = 118
WORST = ("lies", "breaks", "degrades", "works")


@frozen
class Comparison:
    """What a comparison found.

    Attributes:
        old: The release of the old server.
        new: That of the new one.
        judged: What the calls do about each difference.
        whole: The calls that end otherwise on the new server itself than on the old one.
        seconds: How long it took.
    """

    old: str
    new: str
    judged: Mapping[Cause, Sequence[Judgement]]
    whole: Sequence[Judgement]
    seconds: float


def lines(found: Comparison) -> Iterator[str]:
    """Yield the lines of the report: the differences, grouped by their cause."""
    count, seconds = len(found.judged), round(found.seconds)
    yield f"{found.old} -> {found.new}: {count} differences, found in {seconds} s"
    for cause, judgements in found.judged.items():
        yield from _wrapped(f"{cause.kind.upper()}  {cause.what}  in {_few(cause.operations)}")
        for line in _verdicts(cause, judgements):
            yield from _wrapped(f"    {line}")
    if found.whole:
        yield "On the new server itself, with all differences at once, these end otherwise:"
        for line in _by_verdict(found.whole):
            yield from _wrapped(f"    {line}")
    else:
        yield "On the new server itself, every call ends as on the old one."


def _wrapped(line: str) -> Iterator[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    yield from textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _few(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _verdicts(cause: Cause, judgements: Sequence[Judgement]) -> Iterator[str]:
    if cause.kind == "operation new":
        calls = [METHODS[each].name for each in cause.operations if each in METHODS]
        none = "no call has it yet: client.request(...), inngest-rest api"
        yield f"asked by {', '.join(calls)} where it is there" if calls else none
    elif not judgements:
        yield "no call meets it"
    else:
        yield from _by_verdict(judgements, "works without it" * (cause.kind == "field new"))


def _by_verdict(judgements: Sequence[Judgement], works: str = "") -> Iterator[str]:
    """Yield the calls of each verdict and reason, the worst first."""
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in judgements:
        grouped[each.verdict, each.why].append(each.call)
    for (verdict, why), calls in sorted(grouped.items(), key=lambda it: WORST.index(it[0][0])):
        reason = f" ({why})" if why else ""
        shown = works or verdict if verdict == "works" else verdict.upper()
        yield textwrap.shorten(f"{shown}: {_few(calls, 6)}{reason}", 2 * WIDTH, placeholder=" ...")


def as_json(found: Comparison) -> dict[str, Any]:
    """Return all of a comparison, for a program."""
    return {
        "old": found.old,
        "new": found.new,
        "seconds": round(found.seconds, 1),
        "differences": [
            {
                "kind": cause.kind,
                "what": cause.what,
                "operations": list(cause.operations),
                "requests": sorted({f"{it.operation}: {it.name}" for it in cause.probes}),
                "calls": [asdict(each) for each in judgements],
            }
            for cause, judgements in found.judged.items()
        ],
        "whole": [asdict(each) for each in found.whole],
    }
