"""The rules of a status: the thresholds that a caller sets, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import field, frozen

from inngest_rest._core.resources.names import Names
from inngest_rest._local.arguments import check_count, invalid
from inngest_rest._values.visible import shown
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from inngest_rest.status import Share

DEFAULT_WINDOW = timedelta(hours=1)
"""The window in which runs are judged: an outage shows at once, and a shop has some runs in it."""


_ALL = "*"  # as the functions of a rule


@frozen(kw_only=True)
class SuccessRule:
    """Functions of which one has to succeed in time."""

    pattern: str
    names: Names
    within: timedelta

    @property
    def subject(self) -> str:
        """The name of its evidence."""
        return f"a success of {self.pattern}"

    @property
    def runs(self) -> str:
        """Its runs, in a sentence."""
        return "run" if self.pattern == _ALL else f"run of {self.pattern}"


@frozen(kw_only=True)
class Rules:
    """The thresholds of a status; None where the default judges."""

    names: Names = field(factory=Names)
    window: timedelta = DEFAULT_WINDOW
    failed_above: float | None = None
    successes: tuple[SuccessRule, ...] = ()
    stuck_for: timedelta | None = None
    queued_for: timedelta | None = None
    queue_depth_above: int | None = None

    def needed(self) -> set[str]:
        """Return the evidence without which there is no verdict."""
        needed = {"recent", "queued"}
        if self.stuck_for is not None:
            needed.add("open")
        if self.queue_depth_above is not None:
            needed.add("queue_depth")
        needed |= {rule.subject for rule in self.successes}
        return needed


def check_rules(
    *,
    app: str | None,
    function: str | None,
    window: timedelta | None,
    failed_above: Share | None,
    no_success_of: Mapping[str, timedelta] | None,
    stuck_for: timedelta | None,
    queued_for: timedelta | None,
    queue_depth_above: int | None,
) -> Rules:
    """Check the rules that a caller passed."""
    if queue_depth_above is not None:
        check_count("queue_depth_above", queue_depth_above, at_least=0)
    names = Names.of(app, function)
    return Rules(
        names=names,
        window=_span_or_none("window", window) or DEFAULT_WINDOW,
        failed_above=_share("failed_above", failed_above),
        successes=_successes("no_success_of", no_success_of, names),
        stuck_for=_span_or_none("stuck_for", stuck_for),
        queued_for=_span_or_none("queued_for", queued_for),
        queue_depth_above=queue_depth_above,
    )


def _span_or_none(name: str, value: timedelta | None) -> timedelta | None:
    return None if value is None else _span(name, value)


def _span(name: str, value: timedelta) -> timedelta:
    if not isinstance(value, timedelta) or value <= timedelta():  # pyright: ignore[reportUnnecessaryIsInstance]
        form = "a length of time, such as 10m; in Python a positive timedelta"
        raise invalid(name, f"must be {form}, not {shown(value)}")
    return value


def _share(name: str, value: Share | None) -> float | None:
    """Read a share, such as 0.05, "0.05" or "5%"."""
    if value is None:
        return None
    share = _share_in_text(value) if isinstance(value, str) else value
    is_number = isinstance(share, int | float) and not isinstance(share, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_number or not 0 <= share < 1:
        form = 'a share below 100 %, such as "5%" or 0.05'
        raise invalid(name, f"must be {form}, not {shown(value)}")
    return float(share)


def _share_in_text(text: str) -> float:
    """Read a share in text; 1, which is none, if it is anything else."""
    match = re.fullmatch(r"(\d{1,2}(?:\.\d+)?) ?%|(0|0?\.\d+)", text.strip())
    if match is None:
        return 1
    percent, share = match.groups()
    return float(percent) / 100 if percent else float(share)


def _names(name: str, pattern: str, selected: Names) -> Names:
    """Return the functions of a rule: "*" are all that the status is about."""
    if pattern == _ALL:
        return selected
    try:
        return Names.of(None, pattern)
    except InvalidArgumentError as error:
        raise invalid(name, f"is wrong: {error}") from None


def _successes(
    name: str, given: Mapping[str, timedelta] | None, selected: Names
) -> tuple[SuccessRule, ...]:
    if given is None:
        return ()
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        form = "a length of time by functions, such as shop/report"
        raise invalid(name, f"must be {form}, not {shown(given)}")
    rules: list[SuccessRule] = []
    for pattern, within in given.items():
        rule = SuccessRule(
            pattern=pattern,
            names=_names(name, pattern, selected),
            within=_span(name, within),
        )
        rules.append(rule)
    return tuple(rules)
