"""The calls as tools for agents: the list of tools, their descriptions, and calling one.

Requires the extra `mcp` for the types of descriptions; `mcp_server` serves the tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp import types

from inngest_rest.call_row import Effect
from inngest_rest.calls import commands
from inngest_rest.errors import Advice, InvalidArgumentError
from inngest_rest.programs import and_more, check_path, did_you_mean
from inngest_rest_tools import general_tool, parameters
from inngest_rest_tools.answer import Envelope, Reply
from inngest_rest_tools.confirmation import ShownPlans
from inngest_rest_tools.cutting import DEFAULT_MAX_CHARS
from inngest_rest_tools.keys import masked
from inngest_rest_tools.parameter import refused
from inngest_rest_tools.problems import Problem, problem_of
from inngest_rest_tools.projection import Projection, record_class
from inngest_rest_tools.running import Invocation
from inngest_rest_tools.tool_schemas import SchemaWriter, parameters_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from inngest_rest import InngestClient
    from inngest_rest.call_row import CallRow
    from inngest_rest_tools.audit import Audit
    from inngest_rest_tools.parameter import Values

MOST_EVENTS = 100
"""Number of events that a call sends without a confirmation."""


class Tools:
    """The calls as tools.

    Rare calls share one tool, `call`, unless their group was asked for. A change made by this tool
    has to be confirmed, since a host cannot tell its calls apart.

    Args:
        client: Makes the calls.
        read_only: Serve only the calls that change nothing.
        audit: Where each act is noted.
        groups: Serve only these groups, such as "runs"; None for all that the server has.
    """

    def __init__(
        self,
        client: InngestClient,
        *,
        read_only: bool = False,
        groups: Collection[str] | None = None,
        audit: Audit | None = None,
    ) -> None:
        self.client = client
        self._read_only = read_only
        self._shown_plans = ShownPlans()
        self._audit = audit
        rows = _rows_of_groups(groups) if groups else _rows_of_server(client)
        if read_only:
            rows = [row for row in rows if row.effect is Effect.READ]
        self._rows = {row.tool: row for row in rows}
        self._rare: dict[str, CallRow] = {}
        if not groups:
            self._rare = {row.command: row for row in rows if row.is_rare}

    def all(self, *, files: bool = False) -> list[types.Tool]:
        """Return each tool with the schema of its parameters; no text is repeated."""
        writer = SchemaWriter()
        tools: list[types.Tool] = []
        rare: list[CallRow] = []
        for row in self._rows.values():
            if row.uses_files and not files:
                continue
            if row.command in self._rare:
                rare.append(row)
            else:
                tools.append(_tool(row, writer))
        if rare:
            tools += self._general_tools(rare, writer)
        return tools

    def _general_tools(
        self, rare: list[CallRow], writer: SchemaWriter
    ) -> Iterator[types.Tool]:
        """Yield the tools that describe and call operations without a tool of their own."""
        for name, known in general_tool.PARAMETERS.items():
            reads = name == general_tool.SCHEMA or self._read_only
            annotations = types.ToolAnnotations(
                read_only_hint=reads,
                destructive_hint=not reads,
                idempotent_hint=reads,
                open_world_hint=True,
            )
            description = general_tool.description_of(
                name, rare, is_read_only=self._read_only
            )
            yield types.Tool(
                name=name,
                title=name.capitalize(),
                description=description,
                input_schema=writer.schema_of(known),
                annotations=annotations,
            )

    def row_of(self, name: str, given: Values) -> CallRow | None:
        """Return the call that a tool makes with these arguments; None if there is none."""
        if name == general_tool.CALL:
            name = general_tool.named(given)
        return self._rows.get(name)

    def call(
        self,
        name: str,
        given: Values,
        *folders: Path,
        client: InngestClient | None = None,
        note: Callable[[], object] = lambda: None,
    ) -> Envelope:
        """Call a method with JSON arguments, and files only in these folders.

        `client` stands in for the client of the server; `note` is called after each item.
        """
        is_general = name == general_tool.CALL
        tool = general_tool.named(given) if is_general else name
        row = self._rows.get(tool)
        try:
            if name == general_tool.SCHEMA:
                return general_tool.describe(self._rows, self._rare, given, schema_of)
            values = given
            if is_general:
                values = general_tool.unwrapped(given)
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
                audit=self._audit,
                note=note,
            )
            return invocation.run()
        except InvalidArgumentError as error:
            problem = problem_of(error, row)
            command = tool if row is None else row.command
            return self.refusal(command, problem)

    @property
    def _is_protected(self) -> bool:
        profile = self.client.profile
        return profile is not None and profile.is_protected

    def _reply(self, row: CallRow, values: Values) -> Reply:
        """Return the empty answer to a call, with the fields and of the length asked for."""
        max_chars = values.get("max_chars") or DEFAULT_MAX_CHARS
        kind = record_class(row)
        projection = Projection.of(values.get("fields"), max_chars, kind)
        return Reply.to(row, projection, masked)

    def refusal(self, command: str, problem: Problem) -> Envelope:
        """Return the answer to a call that was not made."""
        reply = Reply(command, mask=masked)
        return reply.envelope(problem)

    def _unknown(self, name: str) -> InvalidArgumentError:
        if self._read_only and any(name == row.tool for row in commands()):
            return InvalidArgumentError(
                f"{name} changes the server, and the tools are read-only",
                advice=Advice("To serve it, the user starts them with --allow-writes."),
            )
        hint = did_you_mean(name, self._rows)
        return InvalidArgumentError(f"unknown tool {name!r}{hint}")


def _rows_of_groups(groups: Collection[str]) -> list[CallRow]:
    """Return the calls of these groups; raise if a group does not exist."""
    known = {row.words[0] for row in commands()}
    for name in set(groups) - known:
        message = f"unknown group of tools {name!r}{did_you_mean(name, known)}"
        raise InvalidArgumentError(message, argument="tools")
    return [row for row in commands() if row.words[0] in groups]


def _rows_of_server(client: InngestClient) -> list[CallRow]:
    """Return the calls that the server may have."""
    if client.target.is_cloud:
        return [*commands()]
    return [row for row in commands() if not row.is_of_cloud]


def _read(
    row: CallRow,
    given: Values,
    folders: tuple[Path, ...],
    *,
    takes_token: bool,
) -> dict[str, Any]:
    """Return the values of the parameters; raise if a file is in none of the folders."""
    known = {parameter.name: parameter for parameter in parameters_of(row)}
    if takes_token:
        known[parameters.CONFIRM.name] = parameters.CONFIRM
    values = parameters.read_as(known.values(), given)
    for parameter in parameters.parameters(row):
        path = values.get(parameter.name)
        if parameter.is_path and path is not None:
            values[parameter.name] = _inside(folders, parameter.name, path)
    return values


def _inside(folders: tuple[Path, ...], name: str, path: str) -> str:
    """Return the absolute path of a file, which has to be in a folder of the host."""
    check_path(name, path)
    for folder in folders:
        root = folder.resolve()
        file = (root / path).resolve()
        if file.is_relative_to(root):
            return str(file)
    allowed = and_more([str(folder) for folder in folders])
    raise refused(name, f"{path} is in no folder that is open to the tools: {allowed}")


def _tool(row: CallRow, writer: SchemaWriter) -> types.Tool:
    words = row.command.replace(".", " ").replace("_", " ")
    return types.Tool(
        name=row.tool,
        title=words.capitalize(),
        description=row.summary,
        input_schema=writer.schema_of(parameters_of(row)),
        annotations=_annotations(row),
    )


def _annotations(row: CallRow) -> types.ToolAnnotations:
    """Return each hint, also where it is the default: some directories of tools require them."""
    effect = Effect.CREATE if row.uses_files else row.effect  # an export adds a file
    return types.ToolAnnotations(
        read_only_hint=effect is Effect.READ,
        destructive_hint=effect is Effect.CHANGE,
        idempotent_hint=row.is_repeatable,
        open_world_hint=True,
    )
