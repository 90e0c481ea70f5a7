"""Check rules about a server and its runs."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, frozen

from inngest_rest import errors
from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_count, check_names
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.resources.filters import Names, Selection
from inngest_rest._core.resources.metrics import get_queue_depth
from inngest_rest._core.resources.routes import check_health
from inngest_rest._core.resources.runs import function_of, list_runs, why_none
from inngest_rest._core.resources.windows import (
    Instant,
    Window,
    instant,
    instant_to_text,
)
from inngest_rest._operations.crons import (
    DEFAULT_GRACE,
    UNDECIDED,
    CronState,
    check_crons,
)
from inngest_rest._operations.expected import read_expected
from inngest_rest._visible import and_more, shown
from inngest_rest.diagnosis import CheckReport, FindingState, RuleResult
from inngest_rest.explain._waiting import WaitingJob
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.typing import CheckRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._operations.crons import Cron
    from inngest_rest._operations.expected import ExpectedFunction

    Observer = Callable[[Session, Selection, float], Plan["Observation"]]

# The time that a rule goes with.
_TIME_OF_RULE = {"failed_above": "since", "no_success_of": "within"}
# Optional arguments of the rule about crons.
_OPTIONS_OF_CRONS = ("grace", "expect")
_RULES = (
    "failed_above with since, no_success_of with within, stuck, orphaned, queued_above, "
    "queue_depth_above, crons or server"
)

# The length of the search for stuck runs: a server reads all of that time.
_STUCK_WITHIN = timedelta(days=7)

# A run that was queued later is not taken for lost.
_LOST_BEFORE = timedelta(seconds=30)
_MAX_ORPHANS_LOOKED_FOR = 200  # the oldest, since the jobs of each are read

_REQUEST_ERRORS = (
    errors.ApiError,
    errors.InvalidResponseError,
    errors.TransportError,
)

_SHARE_OF_FAILED = "{failed:,} of {total:,} runs failed ({share:.1%}){mostly}"

# The message of a result, by rule and whether it is broken; None if that is unknown.
_TEXTS: dict[tuple[str, bool | None], str] = {
    ("server", False): "the server answers",
    ("failed_above", False): _SHARE_OF_FAILED,
    ("failed_above", True): _SHARE_OF_FAILED,
    ("stuck", False): "no run is stuck{window}",
    ("stuck", True): "{runs} stuck{oldest} {run}",
    ("orphaned", False): "no run is lost, of {looked_at}{window}",
    ("orphaned", True): "{runs} lost{oldest} {run}: cancel and replay",
    ("orphaned", None): "it is unknown whether runs are lost; not checked: {gaps}",
    ("no_success_of", False): "{function} has completed, at {ended_at}",
    ("no_success_of", True): "no run of {function} has completed{reason}",
    ("queued_above", False): "{runs} queued",
    ("queued_above", True): "more than {runs} queued",
    ("queue_depth_above", False): "{items} in all queues",
    ("queue_depth_above", True): "{items} in all queues, more than {most:,}",
    ("crons", False): "{on_time} on time{others}",
    ("crons", True): "{broken} of {crons}: {which}{others}",
}

# The message about a cron that breaks the rule or cannot be judged.
_TEXTS_OF_CRONS = {
    CronState.LATE: "{function} was late: planned for {planned}, run {run} came at {run_at}",
    CronState.MISSED: "{function} missed {planned} (last run {run} at {run_at})",
    CronState.NEVER: (
        "{function} never fired: no run of {schedule} is stored, planned for {planned}"
    ),
    CronState.VANISHED: "{function} vanished: it is not registered",
    CronState.CHANGED: "{function} has no run yet of {schedule}, which has changed",
    CronState.UNREADABLE: "{function}: cannot compute the times of {schedule}",
    CronState.OTHER_ZONE: (
        "{function}: the server seems to plan {schedule} in a zone other than UTC (run {run} at "
        "{run_at})"
    ),
    CronState.UNKNOWN: "{function}: it is unknown whether {schedule} was missed at {planned}",
}
_SERVER_IS_DOWN = "the server does not answer: {error}"
_NOT_CHECKED = "not checked after: {error}"


class Observation(NamedTuple):
    """Whether a rule is broken, None if that is not known, and the facts for its text."""

    is_broken: bool | None
    facts: dict[str, Any]


_STATES = {
    True: FindingState.PROBLEM,
    False: FindingState.OK,
    None: FindingState.UNKNOWN,
}


@frozen
class Rule:
    """A rule of `CheckRule`, ready to be checked."""

    kind: str
    label: str
    """The rule in words."""
    observe: Callable[[], Plan[Observation]]
    reads_all_runs: bool = False
    """Whether it makes a self-hosted server read all the runs that it ever had."""

    def result(self, observation: Observation) -> RuleResult:
        text = _TEXTS[self.kind, observation.is_broken]
        return RuleResult(
            rule=self.label,
            state=_STATES[observation.is_broken],
            message=text.format_map(observation.facts),
        )

    def result_of_error(self, error: Exception) -> RuleResult:
        """Return the result of a check that an error prevented."""
        state = FindingState.UNKNOWN
        message = str(error)
        if self.kind == "server":
            state = FindingState.PROBLEM
            message = _SERVER_IS_DOWN.format(error=error)
        return RuleResult(rule=self.label, state=state, message=message)

    def result_after(self, error: Exception) -> RuleResult:
        """Return the result if an earlier error makes the check pointless."""
        message = _NOT_CHECKED.format(error=error)
        return RuleResult(rule=self.label, state=FindingState.UNKNOWN, message=message)

    def is_pointless_after(self, error: Exception | None) -> bool:
        if isinstance(error, errors.RequestTimeoutError) and error.advice:
            return self.reads_all_runs  # only such listings take that long
        return isinstance(error, errors.TransportError)


async def check(
    session: Session, rules: Iterable[CheckRule], rule: CheckRule
) -> CheckReport:
    """Check the rules, the server's first: if it is down, the others cannot be evaluated."""
    to_check = _all_rules(session, rules, rule)
    to_check.sort(key=_is_about_runs)
    results: list[RuleResult] = []
    failure: Exception | None = None
    for each in to_check:
        if failure is not None and each.is_pointless_after(failure):
            results.append(each.result_after(failure))
            continue
        try:
            observation = await each.observe()
            results.append(each.result(observation))
        except _REQUEST_ERRORS as error:
            failure = error
            results.append(each.result_of_error(error))
    report = CheckReport(target=session.settings.target, results=tuple(results))
    if failure is not None and report.is_ok:
        raise failure
    return report


def _is_about_runs(rule: Rule) -> bool:
    return rule.kind != "server"


def _all_rules(
    session: Session, rules: Iterable[CheckRule], rule: CheckRule
) -> list[Rule]:
    to_check = list(_rules_of(session, rule))
    for index, arguments in enumerate(rules):
        try:
            to_check += _rules_of(session, arguments)
        except errors.InvalidArgumentError as error:
            raise invalid(f"rules[{index}]", f"is wrong: {error}") from None
    if not to_check:
        raise invalid("rules", f"must not be empty: pass at least one of {_RULES}")
    return to_check


def _rules_of(session: Session, arguments: CheckRule) -> Iterator[Rule]:
    """Yield each rule that the arguments of one call, or one of `rules`, make."""
    check_names(arguments, CheckRule.__annotations__)
    passed: dict[str, Any] = {
        name: value
        for name, value in arguments.items()
        if value is not None and value is not False
    }
    _check_combination(passed)
    if passed.get("server"):
        yield Rule(
            kind="server", label="server", observe=lambda: _observe_server(session)
        )
    if "queue_depth_above" in passed:
        yield _rule_about_queues(session, passed["queue_depth_above"])
    if passed.get("crons"):
        yield _rule_about_crons(session, arguments)
    for kind, observe in _OBSERVERS.items():
        if kind in passed:
            yield _rule_about_runs(session, kind, observe, arguments)


def _check_combination(passed: dict[str, Any]) -> None:
    """Raise for a rule without its time, a time without its rule, or a filter without a rule."""
    for rule, time in _TIME_OF_RULE.items():
        _check_goes_with(passed, rule, requires=time)
        _check_goes_with(passed, time, requires=rule)
    for option in _OPTIONS_OF_CRONS:
        _check_goes_with(passed, option, requires="crons")
    filters = [name for name in ("app", "function", "queued_since") if name in passed]
    if filters and passed.keys() <= {*filters, "queue_depth_above"}:
        raise invalid(filters[0], f"applies to no rule: pass {_RULES}")


def _check_goes_with(passed: dict[str, Any], name: str, *, requires: str) -> None:
    if name in passed and requires not in passed:
        raise invalid(requires, f"is missing: {name} requires it")


def _rule_about_queues(session: Session, highest: int) -> Rule:
    most = check_count("queue_depth_above", highest, at_least=0)
    return Rule(
        kind="queue_depth_above",
        label=f"queue_depth_above {most}",
        observe=lambda: _observe_depth(session, most),
    )


def _rule_about_runs(
    session: Session,
    kind: str,
    observe: Observer,
    arguments: CheckRule,
) -> Rule:
    selection = _selection_of(session, kind, arguments)
    bound = _bound_of(kind, arguments)
    return Rule(
        kind=kind,
        label=_label_of(kind, arguments),
        observe=lambda: observe(session, selection, bound),
        reads_all_runs=kind == "failed_above" and selection.by_end,
    )


def _rule_about_crons(session: Session, arguments: CheckRule) -> Rule:
    names = Names.of(arguments.get("app"), arguments.get("function"))
    grace = arguments.get("grace")
    if grace is None:
        grace = DEFAULT_GRACE
    if not isinstance(grace, timedelta) or grace < timedelta():  # pyright: ignore[reportUnnecessaryIsInstance]
        form = "a length of time, such as 10m; in Python a positive timedelta"
        raise invalid("grace", f"must be {form}")
    expect = arguments.get("expect")
    expected = () if expect is None else read_expected(expect)
    words = ["crons", f"grace {grace}", names.app, names.function]
    return Rule(
        kind="crons",
        label=" ".join(word for word in words if word),
        observe=lambda: _observe_crons(session, names, grace, expected),
    )


def _label_of(kind: str, arguments: CheckRule) -> str:
    values: dict[str, Any] = {**arguments}
    words: list[Any] = [kind]
    if values[kind] is not True:
        words.append(instant_to_text(values[kind]))
    if kind in _TIME_OF_RULE:
        words.append(instant_to_text(values.get(_TIME_OF_RULE[kind])))
    words += [values.get("app"), values.get("function")]
    if values.get("queued_since"):
        words.append(f"queued since {instant_to_text(values['queued_since'])}")
    return " ".join(str(word) for word in words if word)


def _selection_of(session: Session, kind: str, arguments: CheckRule) -> Selection:
    """Return the selection of the runs that a rule of this kind is about."""
    queued_since = arguments.get("queued_since")
    select = partial(
        Selection.of,
        session,
        app=arguments.get("app"),
        function=arguments.get("function"),
        since=queued_since,
    )
    match kind:
        case "failed_above":
            settled = (RunStatus.COMPLETED, RunStatus.FAILED)
            return select(status=settled, ended_since=arguments.get("since"))
        case "no_success_of":
            return select(
                status="completed",
                function=arguments.get("no_success_of"),
                ended_since=arguments.get("within"),
            )
        case "queued_above":
            return select(status="queued")
        case "orphaned":
            stuck_before: Instant | None = _LOST_BEFORE
        case _:
            stuck_before = arguments.get("stuck")
    selection = select(status=UNFINISHED, until=stuck_before)
    if queued_since is not None or stuck_before is None:
        return selection
    now = session.server_clocks["api"].now()
    begin = _begin_of_search(stuck_before, now)
    return evolve(selection, window=Window(begin, stuck_before))


def _begin_of_search(until: Instant, now: datetime) -> Instant | None:
    """Return the begin of the search for stuck runs; None for all time."""
    try:
        if isinstance(until, timedelta):  # an age
            since: Instant = until + _STUCK_WITHIN
        else:
            since = until - _STUCK_WITHIN
        instant(since, now)
    except OverflowError:
        return None
    return since


def _bound_of(kind: str, arguments: CheckRule) -> float:
    """Return the largest share, or number, of runs that does not break a rule."""
    if kind == "queued_above":
        queued_above = arguments.get("queued_above")
        assert queued_above is not None
        return check_count(kind, queued_above, at_least=0)
    if kind != "failed_above":
        return 0
    value: object = arguments.get(kind)
    percent = None
    if isinstance(value, str):
        percent = re.fullmatch(r"(\d{1,2}(?:\.\d+)?) ?%", value)
    if percent is None:
        example = 'less than 100 %, such as "5%"'
        raise invalid(kind, f"must be {example}, not {shown(value)}")
    return float(percent[1]) / 100


async def _observe_server(session: Session) -> Observation:
    # A hung server is reported after one request timeout, without retries.
    deadline = session.clock.monotonic() + session.settings.timeout
    await check_health(session, deadline=deadline)
    return Observation(is_broken=False, facts={})


async def _observe_failures(
    session: Session, selection: Selection, highest_share: float
) -> Observation:
    total = 0
    failed_by_function = Counter[str]()
    walk = list_runs(session, selection).walk()
    while not walk.is_done:
        page = await walk.next_page()
        total += len(page.items)
        for run in page.items:
            if run.status == RunStatus.FAILED:
                failed_by_function[function_of(run)] += 1
    failed = failed_by_function.total()
    share = failed / total if total else 0.0
    mostly = ""
    if failed:
        ((function, _),) = failed_by_function.most_common(1)
        mostly = f", most of {function}"
    facts = {
        "failed": failed,
        "total": total,
        "share": share,
        "mostly": mostly,
    }
    return Observation(is_broken=share > highest_share, facts=facts)


async def _observe_stuck(
    session: Session, selection: Selection, _: float
) -> Observation:
    listing = list_runs(session, selection, order="oldest", limit=100)
    page = await listing.walk().next_page()
    now = session.server_clocks["api"].now()
    if not page.items:
        facts = {"window": _window_of(selection, now)}
        return Observation(is_broken=False, facts=facts)
    has_more = page.next_cursor is not None
    facts = _facts_of_open_runs(page.items, has_more=has_more)
    return Observation(is_broken=True, facts=facts)


async def _observe_orphaned(
    session: Session, selection: Selection, _: float
) -> Observation:
    job = WaitingJob(session, selection, limit=_MAX_ORPHANS_LOOKED_FOR)
    await job.read_open_runs()
    lost = job.lost()
    if lost:
        facts = _facts_of_open_runs(lost, has_more=job.is_cut_by_limit)
        return Observation(is_broken=True, facts=facts)
    gaps = job.unchecked()
    if gaps:
        facts = {"gaps": "; ".join(gaps)}
        return Observation(is_broken=None, facts=facts)
    now = session.server_clocks["api"].now()
    facts = {
        "looked_at": _open_runs_in_words(
            job.number_of_runs,
            is_cut=job.is_cut_by_limit,
        ),
        "window": _window_of(selection, now),
    }
    return Observation(is_broken=False, facts=facts)


def _open_runs_in_words(number: int, *, is_cut: bool) -> str:
    if is_cut:
        return f"the {number:,} open runs that are the oldest"
    return _counted(number, "open run")


def _counted(number: int, noun: str) -> str:
    """Return a number of things, such as "1 run" or "2 runs"."""
    if number != 1:
        noun = f"{noun}s"
    return f"{number:,} {noun}"


def _counted_are(number: int, noun: str) -> str:
    """Return a number of things and the verb, such as "1 run is" or "2 runs are"."""
    verb = "is" if number == 1 else "are"
    return f"{_counted(number, noun)} {verb}"


def _window_of(selection: Selection, now: datetime) -> str:
    since, _ = selection.window.ends(now)
    if since is None:
        return ""
    return f" of those queued since {since:%Y-%m-%d %H:%M} UTC"


def _facts_of_open_runs(oldest: Sequence[Run], *, has_more: bool) -> dict[str, Any]:
    first = oldest[0]
    run = f"{first.id} of {function_of(first)}, {first.status} since {first.queued_at}"
    if len(oldest) == 1 and not has_more:
        return {"runs": "1 run is", "oldest": ":", "run": run}
    number = str(len(oldest))
    if has_more:
        number += " or more"
    return {
        "runs": f"{number} runs are",
        "oldest": ", the oldest is",
        "run": run,
    }


async def _observe_success(
    session: Session, selection: Selection, _: float
) -> Observation:
    completed: list[Run] = []
    if selection.by_end:
        # A server finds a run queued since then at once, and few that succeed are older.
        queued = evolve(selection, window=Window(selection.ended.since))
        completed = await read_all(list_runs(session, queued, limit=1))
    if not completed:
        completed = await read_all(list_runs(session, selection, limit=1))
    if completed:
        run = completed[0]
        facts = {"function": function_of(run), "ended_at": run.ended_at}
        return Observation(is_broken=False, facts=facts)
    names = [selection.names.app, selection.names.function]
    function = "/".join(name for name in names if name)
    why = await why_none(session, selection)
    facts = {
        "function": function,
        "reason": f"; {why}" if why else "",
    }
    return Observation(is_broken=True, facts=facts)


async def _observe_queue(
    session: Session, selection: Selection, most: float
) -> Observation:
    highest_number = int(most)
    queued = await read_all(list_runs(session, selection, limit=highest_number + 1))
    number = min(len(queued), highest_number)
    facts = {"runs": _counted_are(number, "run")}
    return Observation(is_broken=len(queued) > highest_number, facts=facts)


async def _observe_depth(session: Session, most: int) -> Observation:
    depth = await get_queue_depth(session)
    facts = {"items": _counted(depth, "item"), "most": most}
    return Observation(is_broken=depth > most, facts=facts)


async def _observe_crons(
    session: Session,
    names: Names,
    grace: timedelta,
    expected: tuple[ExpectedFunction, ...],
) -> Observation:
    crons = await check_crons(
        session,
        names=names,
        grace=grace,
        expected=expected,
    )
    broken = [_text_of(cron) for cron in crons if cron.is_broken]
    undecided = [_text_of(cron) for cron in crons if cron.state in UNDECIDED]
    counts = Counter(cron.state for cron in crons)
    others = [
        f"{counts[state]} {state}"
        for state in (CronState.NOT_DUE, CronState.PAUSED)
        if counts[state]
    ]
    if undecided:
        others.append(f"{len(undecided)} cannot be judged: {and_more(undecided)}")
    facts = {
        "broken": f"{len(broken):,}",
        "crons": _counted(len(crons), "cron"),
        "on_time": _counted_are(counts[CronState.OK], "cron"),
        "which": and_more(broken),
        "others": f"; {', '.join(others)}" if others else "",
    }
    return Observation(is_broken=bool(broken), facts=facts)


def _text_of(cron: Cron) -> str:
    run_id = None
    queued_at = None
    if cron.run is not None:
        run_id = cron.run.id
        queued_at = cron.run.queued_at
    return _TEXTS_OF_CRONS[cron.state].format(
        function=cron.function,
        schedule=shown(cron.schedule),
        planned=_moment(cron.planned_at),
        run=run_id,
        run_at=_moment(queued_at),
    )


def _moment(moment: datetime | None) -> str:
    if moment is None:
        return "an unknown time"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


_OBSERVERS: dict[str, Observer] = {
    "failed_above": _observe_failures,
    "stuck": _observe_stuck,
    "orphaned": _observe_orphaned,
    "no_success_of": _observe_success,
    "queued_above": _observe_queue,
}
