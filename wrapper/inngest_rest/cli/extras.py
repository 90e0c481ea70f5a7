"""Options of some commands that are not parameters of their operations."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True, eq=False, repr=False)
class Extras:
    """The options of a command that are not parameters of its operation.

    Attributes:
        params: All parameters as JSON.
        all: Whether to list all there is.
        exit_status: Whether the exit status says that a run failed.
        yes: Whether an act by a filter is confirmed.
        report: The file of a report on an act.
    """

    params: str | None = None
    all: bool = False
    exit_status: bool = False
    yes: bool = False
    report: str | None = None
