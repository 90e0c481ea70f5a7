"""Check rules about the server and its runs: which hold, and which are broken."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_count, check_names, invalid
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.resources.filters import Selection, plain
from inngest_rest._core.resources.routes import check_health
from inngest_rest._core.resources.runs import function_of, list_runs, why_none
from inngest_rest._visible import shown
from inngest_rest.diagnosis import CheckReport, FindingState, RuleResult
from inngest_rest.errors import (
    ApiError,
    InvalidArgumentError,
    InvalidResponseError,
    TransportError,
)
from inngest_rest.models import UNFINISHED, RunStatus
from inngest_rest.typing import CheckRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

    Found = Plan[tuple[bool, str]]
    """Whether a rule is broken, and what was found."""

# The time that a rule goes with.
_TIMES = {"failed_above": "since", "no_success_of": "within"}
_RULES = "failed_above with since, no_success_of with within, stuck, queued_above or server"
_MOST_STUCK = 100  # of one page


def check(session: Session, rules: Iterable[CheckRule], rule: CheckRule) -> Plan[CheckReport]:
    """Check rules in order, that about the server first: without it, no other one can be told."""
    found = [*_rules(session, rule)]
    for at, given in enumerate(rules):
        try:
            found += _rules(session, given)
        except InvalidArgumentError as error:
            raise invalid(f"rules[{at}]", f"is wrong: {error}") from None
    if not found:
        raise invalid("rules", f"are none: pass {_RULES}")
    results: list[RuleResult] = []
    failure: Exception | None = None
    for name, ask in sorted(found, key=lambda it: it[0] != "server"):
        state, message = FindingState.UNKNOWN, f"not checked after: {failure}"
        try:
            if not isinstance(failure, TransportError):
                is_broken, message = yield from ask()
                state = FindingState.PROBLEM if is_broken else FindingState.OK
        except (ApiError, InvalidResponseError, TransportError) as error:
            message, failure = str(error), error
            if name == "server":
                state, message = FindingState.PROBLEM, f"the server does not answer: {error}"
        results.append(RuleResult(name, state, message))
    report = CheckReport(session.settings.target, tuple(results))
    if failure is not None and report.is_ok:
        raise failure
    return report


def _rules(session: Session, given: CheckRule) -> Iterator[tuple[str, Callable[[], Found]]]:
    """Yield each rule in words, and what checks it."""
    check_names(given, CheckRule.__annotations__)
    found: Any = {name: it for name, it in given.items() if it is not None and it is not False}
    where = {name: found.pop(name) for name in ("app", "function") if name in found}
    for name, time in _TIMES.items():
        if (name in found) != (time in found):
            lacks, has = (time, name) if name in found else (name, time)
            raise invalid(lacks, f"is missing: {has} goes with it")
    if where and not found:
        raise invalid(next(iter(where)), f"is of no rule: pass {_RULES}")
    if found.pop("server", False):
        yield "server", partial(_health, session)
    for name, value in found.items():
        ended = {"ended_since": (since := found.get(_TIMES.get(name, "")))}
        kinds: dict[str, tuple[dict[str, Any], Callable[..., Found]]] = {
            "failed_above": ({**ended, "status": "completed,failed"}, _failed_above),
            "stuck": ({"status": UNFINISHED, "until": value}, _stuck),
            "no_success_of": ({**ended, "status": "completed", "function": value}, _no_success_of),
            "queued_above": ({"status": "queued"}, _queued_above),
        }
        if name in kinds:
            chosen, ask = kinds[name]
            selection: Any = {**where, **chosen}
            about = session, Selection.of(session, selection), _bound(name, value)
            named = plain(value) if name == "stuck" else value
            words = [name, named, plain(since), *where.values()]
            yield " ".join(str(each) for each in words if each), partial(ask, *about)


def _bound(name: str, value: Any) -> float:
    if name == "queued_above":
        return value and check_count(name, value)
    match = re.fullmatch(r"(\d{1,2}(?:\.\d+)?) ?%", value) if isinstance(value, str) else None
    if name == "failed_above" and match is None:
        raise invalid(name, f'must be less than 100 %, such as "5%", not {shown(value)}')
    return float(match[1]) / 100 if match else 0.0


def _health(session: Session) -> Found:
    # Of one that hangs, it is told after the time of one request, whatever the retries.
    deadline = session.clock.monotonic() + session.settings.timeout
    yield from check_health(session, deadline=deadline)
    return False, "the server answers"


def _failed_above(session: Session, chosen: Selection, most: float) -> Found:
    total, failed = 0, Counter[str]()
    walk = list_runs(session, chosen).walk()
    while not walk.is_done:
        page = yield from walk.next_page()
        total += len(page.items)
        failed.update(function_of(run) for run in page.items if run.status == RunStatus.FAILED)
    share = failed.total() / total if total else 0.0
    most_of = f", most of {failed.most_common(1)[0][0]}" if failed else ""
    return share > most, f"{failed.total():,} of {total:,} runs failed ({share:.1%}){most_of}"


def _stuck(session: Session, chosen: Selection, _: float) -> Found:
    walk = list_runs(session, chosen, order="oldest", limit=_MOST_STUCK).walk()
    page = yield from walk.next_page()
    if not page.items:
        return False, "no run is stuck"
    oldest, more = page.items[0], " or more" if page.next_cursor else ""
    about = f"{oldest.id} of {function_of(oldest)}, {oldest.status} since {oldest.queued_at}"
    return True, f"{len(page.items)}{more} runs are stuck, the oldest is {about}"


def _no_success_of(session: Session, chosen: Selection, _: float) -> Found:
    found = yield from read_all(list_runs(session, chosen, limit=1))
    if found:
        return False, f"{function_of(found[0])} has completed, at {found[0].ended_at}"
    why = yield from why_none(session, chosen)
    name = "/".join(filter(None, (chosen.names.app, chosen.names.function)))
    return True, "; ".join(filter(None, (f"no run of {name} has completed", why)))


def _queued_above(session: Session, chosen: Selection, most: int) -> Found:
    found = yield from read_all(list_runs(session, chosen, limit=most + 1))
    count = f"more than {most:,}" if len(found) > most else f"{len(found):,}"
    return len(found) > most, f"{count} runs are queued"
