"""What a server does otherwise than the document says, and what was tried to find out."""

from __future__ import annotations

from attrs import frozen

from inngest_rest.programs import and_more, shortened
from inngest_rest.record import Record

_MOST_LINES = 12  # of one kind, so that the answer fits a screen


@frozen(repr=False, kw_only=True)
class Difference(Record):
    """One way in which the responses of an operation are not as documented.

    Attributes:
        operation: The method and the path of the document, such as "GET /v2/runs".
        rule: What the response breaks: its status, its content type or its schema (body); or
            that there was none (connection).
        detail: What is wrong with it.
        count: How many responses have it.
        request: A request that was answered so.
        status: The HTTP status of that response; None if there was none.
    """

    operation: str
    rule: str
    detail: str
    count: int
    request: str | None = None
    status: int | None = None


@frozen(repr=False, kw_only=True)
class ContractReport(Record):
    """A server that was held to the document.

    Attributes:
        url: The base URL.
        release: The release by which operations were chosen; None if it is not known.
        differences: What is not as documented.
        unknown_fields: Fields that the document lacks, as "GET /v2/runs: data[].priority"; None if
            nobody asked for them.
        operations: How many operations were tried.
        of: How many were to be tried.
        unanswered: The operations of which no request succeeded, so that only their errors are
            known to be as documented.
        refused: Those of them that are not judged: every response was a 401, 403 or 407.
        requests: How many requests were sent.
        seconds: How long it took.
        is_complete: Whether all was tried in the time that there was.
    """

    url: str
    release: str | None
    differences: tuple[Difference, ...]
    unknown_fields: tuple[str, ...] | None
    operations: int
    of: int
    unanswered: tuple[str, ...]
    refused: tuple[str, ...]
    requests: int
    seconds: float
    is_complete: bool

    @property
    def has_verdict(self) -> bool:
        """Whether anything can be said: a difference is one, even if not all was tried."""
        is_tried = self.is_complete and self.operations > len(self.unanswered)
        return bool(self.differences) or (is_tried and not self.refused)

    def __str__(self) -> str:
        return "\n".join([self._headline(), *self._differences(), *self._rest()])

    def _headline(self) -> str:
        release = f" (operations of release {self.release})" if self.release else ""
        if self.differences:
            number = len(self.differences)
            verdict = f"{number} {'difference' if number == 1 else 'differences'}"
        elif self.has_verdict:
            verdict = "as documented"
        elif not self.is_complete:
            verdict = "not judged: the time ran out"
        elif self.refused:
            number = len(self.refused)
            verdict = f"not judged: {number} of {self.operations} operations refused every request"
        else:
            verdict = "not judged: no request succeeded"
        return f"{verdict}: {self.url}{release}"

    def _differences(self) -> list[str]:
        lines: list[str] = []
        for each in self.differences[:_MOST_LINES]:
            times = f" ({each.count} times)" if each.count > 1 else ""
            lines.append(f"  {each.operation}: {each.rule}: {each.detail}{times}")
            if each.request:
                lines.append(f"    {each.status or 'none'}: {shortened(each.request)}")
        if len(self.differences) > _MOST_LINES:
            lines.append(
                f"  and {len(self.differences) - _MOST_LINES} more (--json has all)"
            )
        return lines

    def _rest(self) -> list[str]:
        lines: list[str] = []
        if self.unknown_fields is not None:
            number = len(self.unknown_fields)
            lines.append(f"{number} unknown {'field' if number == 1 else 'fields'}")
            lines += [f"  {each}" for each in self.unknown_fields[:_MOST_LINES]]
            if number > _MOST_LINES:
                lines.append(f"  and {number - _MOST_LINES} more (--json has all)")
        if self.refused:
            lines.append(f"refused with 401, 403 or 407: {and_more(self.refused)}")
        others = [name for name in self.unanswered if name not in self.refused]
        if others:
            lines.append(f"no request succeeded of: {and_more(others)}")
        tried = (
            f"{self.requests:,} requests to {self.operations} of {self.of} operations"
        )
        lines.append(f"{tried}, in {self.seconds:.0f} s")
        return lines
