"""Execution of an operation for the command line: from what was typed to the answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import attrs
from attrs import evolve

from inngest_rest import InngestClient
from inngest_rest.cli.answer import Answer
from inngest_rest.cli.output import STDIN, Output, OutputError
from inngest_rest.cli.shape import Shape
from inngest_rest.operations import running
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.parameters import (
    DEFAULT_LIMIT,
    ParameterError,
    fixed,
    is_json,
    read,
    unusable_file,
)
from inngest_rest.operations.problems import OperationError, problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.cli.extras import Extras
    from inngest_rest.cli.options import Format, Options
    from inngest_rest.operations.bulk import BulkOperation
    from inngest_rest.operations.operation import Operation


def execute(
    operation: Operation[Any], values: dict[str, Any], extras: Extras, options: Options
) -> int:
    """Run an operation, write the answer, and return the exit status."""
    answer = Answer.of(operation, options)
    parameters: Any = None
    try:
        parameters = fixed(read(operation.parameters, _values(operation, values, extras)))
        answer.format = _format(operation, answer.format, parameters, extras, options)
        answer.shape = _shape(operation, answer.format, options)
        answer.output = Output(options.output_file)
        with client_of(options) as client:
            if _is_bulk(operation):
                from inngest_rest.cli import acting  # noqa: PLC0415 - few commands act on many

                act = acting.Act(operation, client, parameters, extras, options, answer)
                return act.run()
            return _run(operation, client, parameters, extras, options, answer)
    except OutputError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told as an answer
        data = error.data if isinstance(error, OperationError) else None
        return answer.fail(problem_of(error, operation, parameters), data=data)


def _run(
    operation: Operation[Any],
    client: InngestClient,
    parameters: Any,
    extras: Extras,
    options: Options,
    answer: Answer,
) -> int:
    wanted = evolve(parameters, limit=None) if extras.all else parameters
    if operation.returns is Returns.STREAM:
        from inngest_rest.cli import waiting  # noqa: PLC0415 - few commands wait

        return waiting.wait(operation, client, wanted, extras, answer)
    if operation.uses_files:
        from inngest_rest.cli import sending  # noqa: PLC0415 - one command sends a file

        operation = sending.with_progress(operation, answer.talk)
    for part in running.parts(operation, client, wanted):
        answer.add(part)
    status = answer.finish()
    if operation.returns is Returns.PAGES and answer.next_cursor is not None:
        from inngest_rest.cli.typed import command_text  # noqa: PLC0415 - few lists go on

        following = evolve(parameters, cursor=answer.next_cursor)
        answer.talk.hint(f"Next page: {command_text(operation, following, options)}")
    return status


def _format(
    operation: Operation[Any], form: Format, parameters: Any, extras: Extras, options: Options
) -> Format:
    """Return the format, which has to suit what is asked for."""
    is_chosen = options.output is not None
    if operation.name == "runs.watch" and form == "json":
        if not is_chosen:
            return "ndjson"
        if parameters.timeout is None:
            raise ParameterError(
                "output: json is written at the end, and this has none: set --timeout, or use "
                "-o ndjson",
                field="output",
            )
    if operation.name == "doctor" and form == "id":
        if not is_chosen:
            return "json"
        raise ParameterError("output: a diagnosis has no ids: use -o json", field="output")
    if extras.all and parameters.limit != DEFAULT_LIMIT:
        raise ParameterError("all and limit exclude each other: pass one of them", field="all")
    if extras.all and form in {"json", "table"}:
        if options.output_file is None:
            raise ParameterError(
                "all: a list of any length needs -o ndjson, -o id or --output-file", field="all"
            )
        return form if is_chosen else "ndjson"
    return form


def _shape(operation: Operation[Any], form: Format, options: Options) -> Shape:
    kinds: tuple[type[Any], ...] = (operation.result,)
    if _is_bulk(operation) and form == "ndjson":
        from inngest_rest.action_reports import ActionRow  # noqa: PLC0415 - few need it

        kinds = (ActionRow,)
    return Shape.of(options.fields, options.max_chars, kinds)


def _is_bulk(operation: Operation[Any]) -> TypeGuard[BulkOperation[Any]]:
    """Return whether this is a `BulkOperation`, without loading that for another."""
    return hasattr(operation, "act")


def client_of(options: Options) -> InngestClient:
    """Return the client that the options and the environment describe."""
    return InngestClient(
        dev=options.dev or None,
        env=options.env,
        base_url=options.base_url,
        timeout=options.request_timeout,
        retries=options.retries,
    )


def _values(operation: Operation[Any], typed: Mapping[str, Any], extras: Extras) -> dict[str, Any]:
    """Return the parameters: those of `--params`, and what was typed over them."""
    values = dict(_json_object("params", extras.params)) if extras.params else {}
    for each in attrs.fields(attrs.resolve_types(operation.parameters, include_extras=False)):
        if each.name in typed:
            value = typed[each.name]
            if is_json(each.type):
                value = _json(each.name, value)
            values[each.name] = "-" if value == STDIN else value
    if "ids" in typed and STDIN in typed["ids"]:
        values["ids"] = _ids(typed["ids"])
    return values


def _ids(typed: tuple[str, ...]) -> tuple[str, ...]:
    """Return ids that were typed, with those on standard input where its sign is."""
    given = tuple(_standard_input("ids").split())
    if not given:
        raise ParameterError("ids: there are none on standard input", field="ids")
    return tuple(id for each in typed for id in (given if each == STDIN else (each,)))


def _standard_input(field: str) -> str:
    """Read what was piped in, which may be no text, or closed."""
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise ParameterError(f"{field}: standard input is closed", field=field)
    try:
        return sys.stdin.read()
    except (OSError, ValueError) as error:
        raise unusable_file(field, "standard input", error) from None


def _json_object(field: str, text: str) -> Mapping[str, Any]:
    value = _json(field, text)
    if not isinstance(value, dict):
        raise ParameterError(f"{field}: this is not a JSON object", field=field)
    return cast("Mapping[str, Any]", value)


def _json(field: str, text: str) -> Any:
    """Read JSON that was typed, or that is in a file (@FILE) or on standard input (-)."""
    if text == STDIN:
        text, place = _standard_input(field), "standard input"
    elif text.startswith("@"):
        place = text[1:]
        try:
            text = Path(place).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise unusable_file(field, place, error) from None
    else:
        place = "the argument"
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"{field}: {place} is not JSON: {error}", field=field) from None
