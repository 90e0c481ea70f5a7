"""Execution of an operation for the command line: from what was typed to the answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
from attrs import frozen

from inngest_rest import InngestClient
from inngest_rest.cli.answer import Answer
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.parameters import ParameterError, is_json, read
from inngest_rest.operations.problems import OperationError, problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.cli.options import Options
    from inngest_rest.operations.operation import Operation


@frozen(kw_only=True)
class Extras:
    """The options of a command that are not parameters of its operation."""

    params: str | None = None


def execute(
    operation: Operation[Any], values: dict[str, Any], extras: Extras, options: Options
) -> int:
    """Run an operation, write the answer, and return the exit status."""
    answer = Answer.of(operation, options)
    try:
        parameters = read(operation.parameters, _values(operation, values, extras))
        with _client(options) as client:
            result = operation.run(client, parameters)
            match operation.returns:
                case Returns.ONE:
                    return answer.one(result)
                case Returns.PAGES:
                    return answer.page(result)
                case Returns.STREAM:
                    return answer.stream(result)
    except OperationError as error:
        return answer.fail(error.problem, data=error.data)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told as an answer
        return answer.fail(problem_of(error))


def _client(options: Options) -> InngestClient:
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
            values[each.name] = _json(each.name, value) if is_json(each.type) else value
    return values


def _json_object(field: str, text: str) -> Mapping[str, Any]:
    value = _json(field, text)
    if not isinstance(value, dict):
        raise ParameterError(f"{field}: this is not a JSON object", field=field)
    return cast("Mapping[str, Any]", value)


def _json(field: str, text: str) -> Any:
    """Read JSON that was typed, or that is in a file (@FILE) or on standard input (-)."""
    if text == "-":
        text, place = sys.stdin.read(), "standard input"
    elif text.startswith("@"):
        place = text[1:]
        try:
            text = Path(place).read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise ParameterError(f"{field}: {error}", field=field) from None
    else:
        place = "the argument"
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ParameterError(f"{field}: {place} is not JSON: {error}", field=field) from None
