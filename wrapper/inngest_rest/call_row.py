"""A call of the client, as programs, docs and tests know it.

The method of the client is its declaration: its signature, its types and its docstring. A `CallRow`
adds what a signature cannot say: what the call changes, whether it may be repeated, and examples.
"""

from __future__ import annotations

import inspect
import json
import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Factory, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest import InngestClient
    from inngest_rest.responses import Target

RUN_ID = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"
"""The id of a run in examples."""

EVENT_ID = "01K9V2C4B7M0Q8Y3T5R6S1D2F4"
"""The internal id of an event in examples."""


class Effect(StrEnum):
    """What a call does to the server: nothing, create something, or change what is there."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"


class Returns(StrEnum):
    """What a call returns: a value, a paginator, or an iterable of records, perhaps live."""

    ONE = "one"
    PAGES = "pages"
    STREAM = "stream"


def _never(_: Mapping[str, Any]) -> bool:
    return False


@frozen(eq=False)
class CallRow:
    """A call of the client: its method, and the facts that the method does not state.

    Attributes:
        name: Its method: "runs.list" for `client.runs.list`.
        command: Its name in programs, by default that of the method; empty if they lack it.
        replacement: Stands in for the method in programs that pass other arguments than Python.
        effect: What it does to the server.
        is_repeatable: Whether it has the effect of once when it is made twice.
        is_repeatable_if: The same, if it depends on the arguments.
        reads_if: Whether it changes nothing, whatever its effect, if that depends on the arguments.
        uses_files: Whether it reads or writes files.
        requests_any_path: Whether its arguments are a method and a path.
        sends_events: Whether it sends events of the caller's.
        takes_internal_id: Whether the `id` that it takes has to be the server's own id of an event.
        selects_with_condition: Whether it acts on runs that the server finds by a condition, later.
        judges_keys: Whether a malformed key is a finding of its result, and not an error.
        is_live: Whether its result goes on as long as something happens.
        formats: The formats of a command's answer beyond tables and JSON: "id", "markdown".
        page: Returns the URL of the web page of what it gets; None if there is none.
        is_of_cloud: Whether other servers lack it, or say nothing there.
        is_rare: Whether it has no tool of its own, since a list of tools costs every session.
        examples: Arguments that work, the plainest first.
        module: The public module that has the class of what it returns.
    """

    name: str
    command: str = field(
        kw_only=True, default=Factory(lambda call: call.name, takes_self=True)
    )
    replacement: Callable[..., Any] | None = None
    effect: Effect = Effect.READ
    is_repeatable: bool = True
    is_repeatable_if: Callable[[Mapping[str, Any]], bool] = _never
    reads_if: Callable[[Mapping[str, Any]], bool] = _never
    uses_files: bool = False
    requests_any_path: bool = False
    sends_events: bool = False
    takes_internal_id: bool = False
    selects_with_condition: bool = False
    judges_keys: bool = False
    is_live: bool = False
    formats: tuple[str, ...] = ("id",)
    page: Callable[[Target, Mapping[str, Any]], str] | None = None
    is_of_cloud: bool = False
    is_rare: bool = Factory(lambda call: call.is_of_cloud, takes_self=True)
    examples: tuple[Mapping[str, Any], ...] = ({},)
    module: str = "inngest_rest.models"

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its command, as in `inngest-rest runs list`."""
        return tuple(self.command.replace("_", "-").split("."))

    @property
    def tool(self) -> str:
        """The name of its tool, such as "runs_list"."""
        return self.command.replace(".", "_")

    @property
    def method(self) -> Callable[..., Any]:
        """The method of the blocking client; only its group is imported."""
        from inngest_rest import InngestClient  # noqa: PLC0415 - loads httpx

        group, _, name = self.name.rpartition(".")
        owner = getattr(InngestClient, group).kind if group else InngestClient
        return getattr(owner, name)  # type: ignore[no-any-return]

    @property
    def declaration(self) -> Callable[..., Any]:
        """What states its parameters, its result and its help: the method or its replacement."""
        return self.replacement or self.method

    @property
    def arguments(self) -> tuple[inspect.Parameter, ...]:
        """Its parameters in order, without the client."""
        parameters = inspect.signature(self.declaration).parameters.values()
        return tuple(
            parameter
            for parameter in parameters
            if parameter.name not in {"self", "client"}
        )

    @property
    def description(self) -> str:
        """Its docstring, without the parameters."""
        text = docstring(self.declaration)
        for heading in ("Args", "Returns", "Raises", "HTTP"):
            text = text.partition(f"\n\n{heading}:")[0]
        return text

    @property
    def summary(self) -> str:
        """The first line of its description; that of a method is read without the client."""
        if self.replacement is None and self.name in _summaries():
            return _summaries()[self.name]
        return self.description.partition("\n")[0]

    @property
    def result(self) -> str:
        """The return type of the method; of an iterable, the type of its items."""
        annotation = self._annotation.replace("[D]", "")  # of stored events
        container, _, item = annotation.partition("[")
        if container in _ITERATORS:
            return _ITERATORS[container]
        if container in _RETURNS:
            return item.removesuffix("]")
        return annotation

    @property
    def returns_model(self) -> bool:
        """Whether its result is a model of the generated client, or it has such items."""
        return re.match(r"V[12][A-Z]", self.result) is not None

    @property
    def returns(self) -> Returns:
        """Whether it returns one value, a paginator or an iterable."""
        container = self._annotation.partition("[")[0]
        return _RETURNS.get(container, Returns.ONE)

    @property
    def _annotation(self) -> str:
        return str(inspect.signature(self.declaration).return_annotation)

    def changes(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether it changes the server with these arguments."""
        return self.effect is not Effect.READ and not self.reads_if(arguments)

    @property
    def is_bulk(self) -> bool:
        """Whether it acts on many runs, and returns a report that has a row for each."""
        return self._annotation == "ActionReport"

    def make(self, client: InngestClient, arguments: Mapping[str, Any]) -> Any:
        """Make the call with a client."""
        if self.replacement is not None:
            return self.replacement(client, **arguments)
        method: Any = client
        for name in self.name.split("."):
            method = getattr(method, name)
        return method(**arguments)


@cache
def _summaries() -> Mapping[str, str]:
    """Return the first line of the docstring of each method, as scripts/regenerate wrote them."""
    text = (Path(__file__).parent / "client" / "summaries.json").read_bytes()
    summaries: dict[str, str] = json.loads(text)
    return summaries


# The item types of the client's iterators, which are not generic.
_ITERATORS = {"EndedRuns": "Run", "FollowedRun": "StepChange", "Watcher": "RunChange"}
_RETURNS = dict.fromkeys(("builtins.list", *_ITERATORS), Returns.STREAM)
_RETURNS["Paginator"] = Returns.PAGES


def docstring(documented: Callable[..., Any]) -> str:
    """Return the docstring of a method or a class, without its indent."""
    return inspect.cleandoc(documented.__doc__ or "")
