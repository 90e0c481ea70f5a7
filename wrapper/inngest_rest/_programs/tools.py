"""The calls as tools for agents: which there are, how each is described, and how one is called.

Requires the extra `mcp`, whose types describe them; `mcp_server` serves them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mcp import types

from inngest_rest._arguments import check_path
from inngest_rest._programs import general_tool, parameters
from inngest_rest._programs.answer import DEFAULT_MAX_CHARS, Envelope, Reply
from inngest_rest._programs.confirmation import ShownPlans
from inngest_rest._programs.parameter import refused
from inngest_rest._programs.problems import Problem, problem_of
from inngest_rest._programs.projection import Projection, record_class
from inngest_rest._programs.running import Invocation
from inngest_rest._programs.tool_schemas import SchemaWriter, parameters_of, schema_of
from inngest_rest._redaction import Redactor
from inngest_rest._table import OF_CLOUD, Effect, commands
from inngest_rest._visible import and_more, did_you_mean
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from inngest_rest import InngestClient
    from inngest_rest._table import Row
    from inngest_rest.typing import Redaction

MOST_EVENTS = 100
"""Number of events that a call sends without a confirmation."""


class Tools:
    """The calls as tools.

    What is rare is called by one tool, `call`, where nobody has asked for its group: that tool has
    whatever changes the server confirmed, since a host cannot tell its calls apart.
    """

    def __init__(
        self,
        client: InngestClient,
        *,
        read_only: bool = False,  # serve only those that change nothing
        groups: Collection[str]
        | None = None,  # such as "runs"; None for those of the server
        redact: Redaction | Literal["none"] = "keys",
    ) -> None:
        self.client = client
        self._read_only = read_only
        self._redact: Redaction | Literal["none"] = redact
        self._shown_plans = ShownPlans()
        rows = _rows_of_groups(groups) if groups else _rows_of_server(client)
        self._rows = {
            row.tool: row for row in rows if not read_only or row.effect is Effect.READ
        }
        self._rare = {}
        if not groups:
            self._rare = {
                row.command: row for row in self._rows.values() if row.is_rare
            }

    def all(self, *, files: bool = False) -> list[types.Tool]:
        """Return each tool, with the schema of what it takes; no text is there twice."""
        writer = SchemaWriter()
        known = [row for row in self._rows.values() if files or not row.uses_files]
        listed = [_tool(row, writer) for row in known if row.command not in self._rare]
        rare = [row for row in known if row.command in self._rare]
        if rare:
            listed += self._general_tools(rare, writer)
        return listed

    def _general_tools(self, rare: list[Row], writer: SchemaWriter) -> list[types.Tool]:
        """Return the tools that describe and call what has no tool of its own."""
        reads = types.ToolAnnotations(read_only_hint=True)
        return [
            types.Tool(
                name=name,
                title=name.capitalize(),
                description=general_tool.description_of(
                    name, rare, is_read_only=self._read_only
                ),
                input_schema=writer.schema_of(known),
                annotations=reads
                if name == general_tool.SCHEMA or self._read_only
                else None,
            )
            for name, known in general_tool.PARAMETERS.items()
        ]

    def row_of(self, name: str, given: Mapping[str, Any]) -> Row | None:
        """Return the call that a tool makes with these arguments; None if there is none."""
        return self._rows.get(
            general_tool.named(given) if name == general_tool.CALL else name
        )

    def call(
        self,
        name: str,
        given: Mapping[str, Any],
        *folders: Path,
        client: InngestClient | None = None,
        note: Callable[[], object] = lambda: None,
    ) -> Envelope:
        """Call a method by JSON, with files in these folders alone, and return its answer.

        `client` stands in for the client of the server; `note` is called after each item.
        """
        is_general = name == general_tool.CALL
        tool = general_tool.named(given) if is_general else name
        row = self._rows.get(tool)
        try:
            if name == general_tool.SCHEMA:
                return general_tool.describe(self._rows, self._rare, given, schema_of)
            values = general_tool.unwrapped(given) if is_general else given
            if row is None:
                raise self._unknown(tool)
            confirms_changes = (
                is_general or row.command in self._rare or self._is_protected
            )
            values = _read(row, values, folders, takes_token=confirms_changes)
            invocation = Invocation(
                row=row,
                values=values,
                client=client or self.client,
                answer=self._reply(row, values),
                most_events=MOST_EVENTS,
                confirms_changes=confirms_changes,
                shown_plans=self._shown_plans,
                note=note,
            )
            return invocation.run()
        except InvalidArgumentError as error:
            return self.refusal(row.command if row else tool, problem_of(error, row))

    @property
    def _is_protected(self) -> bool:
        profile = self.client.profile
        return profile is not None and profile.is_protected

    def _reply(self, row: Row, values: Mapping[str, Any]) -> Reply:
        """Return the empty answer to a call, with the fields and of the length asked for."""
        max_chars = values.get("max_chars") or DEFAULT_MAX_CHARS
        projection = Projection.of(values.get("fields"), max_chars, record_class(row))
        return Reply.to(row, projection, self.redactor())

    def redactor(self) -> Redactor:
        """Return what removes from an answer the keys and what else is to be redacted."""
        return Redactor(self._redact)

    def refusal(self, command: str, problem: Problem) -> Envelope:
        """Return the answer to what was not called."""
        return Reply(command, redactor=self.redactor()).envelope(problem)

    def _unknown(self, name: str) -> InvalidArgumentError:
        where = " of a read-only server" if self._read_only else ""
        return InvalidArgumentError(
            f"unknown tool {name!r}{where}{did_you_mean(name, self._rows)}"
        )


def _rows_of_groups(groups: Collection[str]) -> list[Row]:
    """Return the calls of these groups; reject a group that there is not."""
    known = {row.words[0] for row in commands()}
    for name in set(groups) - known:
        message = f"unknown group of tools {name!r}{did_you_mean(name, known)}"
        raise InvalidArgumentError(message, argument="tools")
    return [row for row in commands() if row.words[0] in groups]


def _rows_of_server(client: InngestClient) -> list[Row]:
    """Return the calls of which the server may have something."""
    if client.target.is_cloud:
        return [*commands()]
    return [
        row for row in commands() if OF_CLOUD.isdisjoint((row.words[0], row.command))
    ]


def _read(
    row: Row, given: Mapping[str, Any], folders: tuple[Path, ...], *, takes_token: bool
) -> dict[str, Any]:
    """Return the values of the parameters; each file has to be in one of the folders."""
    known = {each.name: each for each in parameters_of(row)}
    if takes_token:
        known[parameters.CONFIRM.name] = parameters.CONFIRM
    values = parameters.read_as(known.values(), given)
    for parameter in parameters.parameters(row):
        path = values.get(parameter.name)
        if parameter.is_path and path is not None:
            values[parameter.name] = _inside(folders, parameter.name, path)
    return values


def _inside(folders: tuple[Path, ...], name: str, path: str) -> str:
    """Return the whole path of a file, which has to be in a folder that the host gives."""
    check_path(name, path)
    for folder in map(Path.resolve, folders):
        file = (folder / path).resolve()
        if file.is_relative_to(folder):
            return str(file)
    reason = (
        f"{path} is in no folder of the host's roots: {and_more([*map(str, folders)])}"
    )
    raise refused(name, reason)


def _tool(row: Row, writer: SchemaWriter) -> types.Tool:
    return types.Tool(
        name=row.tool,
        title=row.command.replace(".", " ").replace("_", " ").capitalize(),
        description=row.summary,
        input_schema=writer.schema_of(parameters_of(row)),
        annotations=_annotations(row),
    )


def _annotations(row: Row) -> types.ToolAnnotations | None:
    """Return what a tool does otherwise than by default: change, destroy, not be idempotent."""
    effect = Effect.CREATE if row.uses_files else row.effect  # an export adds a file
    is_read = effect is Effect.READ
    if effect is Effect.CHANGE and not row.is_repeatable:
        return None
    return types.ToolAnnotations(
        read_only_hint=True if is_read else None,
        destructive_hint=False if effect is Effect.CREATE else None,
        idempotent_hint=True if row.is_repeatable and not is_read else None,
    )
