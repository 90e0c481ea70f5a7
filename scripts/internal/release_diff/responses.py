"""In what the responses of a server differ from those of an older one: fields, values, statuses.

Both were asked the same (`survey`). A field counts as gone only if no response of its operation has
it any more: not every response need have it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from scripts.internal.release_diff.bodies import form, leaves
from scripts.internal.release_diff.survey import lacks
from tests.contract.conformance import faults, general
from tests.contract.world import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scripts.internal.release_diff.survey import Probe
    from tests.contract.recordings import Recording

    Exchanges = Mapping[Probe, Recording]
    Found = dict[str, set[str]]


def changed(old: Exchanges, new: Exchanges) -> dict[str, list[str]]:
    """Return what differs, by the operation; each thing once."""
    found: Found = defaultdict(set)
    for probe in old.keys() & new.keys():
        found[probe.operation].update(_of_one_request(probe, old[probe], new[probe]))
    before, after = _undocumented(old), _undocumented(new)
    was, is_now = _fields(old), _fields(new)
    for operation in after.keys() | was.keys():
        found[operation] |= after[operation] - before[operation]
        if operation in is_now:
            found[operation].update(
                f"no {each} any more" for each in was[operation] - is_now[operation]
            )
    return {operation: sorted(found[operation]) for operation in sorted(found) if found[operation]}


def _of_one_request(probe: Probe, before: Recording, after: Recording) -> Iterator[str]:
    """Yield how the answer to one request differs: its form, and how much a page has."""
    if lacks(before) and lacks(after):
        return
    if lacks(after):
        yield "the route is gone"
    elif form(before) != form(after):
        yield f"{probe.name}: {form(after)}, not {form(before)}"
    elif _items(after) < _items(before):
        yield f"{probe.name}: {_items(after)} of {_items(before)} items"


def _items(exchange: Recording) -> int:
    body = exchange.received
    data = body.get("data") if isinstance(body, dict) else body
    return len(data) if isinstance(data, list) else 0


def _undocumented(exchanges: Exchanges) -> Found:
    found: Found = defaultdict(set)
    for probe, exchange in exchanges.items():
        if not lacks(exchange):
            found[probe.operation] |= undocumented(exchange)
    return found


def _fields(exchanges: Exchanges) -> Found:
    """Return the fields of an operation's successes, by their paths."""
    found: Found = defaultdict(set)
    for probe, exchange in exchanges.items():
        if not exchange.is_refusal:
            found[probe.operation] |= {path for path, _ in leaves(exchange.received)}
    return found


def undocumented(exchange: Recording) -> set[str]:
    """Return in what an exchange is not as documented, without what is of this response alone."""
    operation = DOCUMENT.match(exchange.method, exchange.path)
    if operation is None:
        return {f"{exchange.method} {exchange.path} is not documented"}
    return {general(each) for each in faults(DOCUMENT, operation, exchange)}
