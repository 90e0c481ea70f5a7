"""The text of a call: its method, its model, its conversion, its row and its case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .call import paging, snake

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .call import Field, Model, NewCall

_EXAMPLES = {"int": "1", "float": "1.0", "bool": "True", "datetime": '"1h"'}
_IDS = {"runId": "RUN_ID", "eventId": "EVENT_ID", "envId": "ENV_ID", "webhookId": "WEBHOOK_ID"}
_MAKERS = {"GET": "_reads", "POST": "_creates_once"}

CONVERSIONS = '''"""{about}"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from inngest_rest import models
from inngest_rest._core.resources.fields import optional, record

if TYPE_CHECKING:
    from inngest_rest_api import models as api
    from inngest_rest_api.types import Unset
'''
"""The beginning of a module of conversions."""


def method(call: NewCall, convert: str) -> str:
    """Return the method of the asynchronous client; `convert` makes its result."""
    fields = _in_order(call)
    words = [f"{call.summary}\n"]
    if fields:
        words += ["Args:", *(f"    {each.name}: {each.about}" for each in fields), ""]
    error = (
        f"NotFoundError: No such {call.missing}."
        if call.missing
        else "RouteNotFoundError: The server does not have it."
    )
    words += ["Raises:", f"    {error}", "", f"HTTP: `{call.method} {call.path}`."]
    docstring = "\n".join(words).replace("\n", "\n        ").replace("        \n", "\n")
    head = "def" if call.is_paged else "async def"
    name = call.name.partition(".")[2]
    return (
        f"    {head} {name}({_signature(fields)}) -> {_result(call)}:\n"
        f'        """{docstring}\n        """\n{_body(call, convert)}'
    )


def _in_order(call: NewCall) -> list[Field]:
    required = [each for each in call.parameters if each.is_required]
    others = [each for each in call.parameters if not each.is_required]
    return required + others + (paging() if call.is_paged else [])


def _signature(fields: Iterable[Field]) -> str:
    parts, is_marked = ["self"], False
    for each in fields:
        if not each.is_required and not is_marked:
            parts, is_marked = [*parts, "*"], True
        parts.append(f"{each.name}: {each.type}" + ("" if each.is_required else " | None = None"))
    return ", ".join(parts)


def _result(call: NewCall) -> str:
    if call.model is None:
        return "None"
    if call.is_paged:
        return f"AsyncPaginator[{call.model.name}]"
    return f"builtins.list[{call.model.name}]" if call.model.is_list else call.model.name


def _body(call: NewCall, convert: str) -> str:
    lines, given = list[str](), list[str]()
    of_body = [each for each in call.parameters if each.place == "body"]
    if call.is_paged:
        lines.append("paging = Paging(limit=limit, page_size=page_size, cursor=cursor)")
    if of_body:
        pairs = ", ".join(f'"{each.name}": {_checked(each)}' for each in of_body)
        lines.append(f"body = {{{pairs}}}")
    in_path = [f'"{each.name}": {each.name}' for each in call.parameters if each.place == "path"]
    given += [f"path={{{', '.join(in_path)}}}"] if in_path else []
    in_query = [
        f'"{each.name}": {_checked(each)}' for each in call.parameters if each.place == "query"
    ]
    given += [f"query={{{', '.join(in_query)}}}"] if in_query else []
    given += ["body=body"] if of_body else []
    if call.method == "POST":
        given.append("repeatable=False")
    ask = f'"{call.name}", {convert}' + (", paging" if call.is_paged else "")
    ask = ", ".join([ask, *given])
    run = f"self._list(list_all, {ask})" if call.is_paged else f"await self._run(fetch_one, {ask})"
    lines.append(run if call.model is None else f"return {run}")
    return "".join(f"        {line}\n" for line in lines)


def _checked(each: Field) -> str:
    return f'check_text("{each.name}", {each.name})' if each.type == "str" else each.name


def model(found: Model) -> str:
    """Return the class of a model."""
    about = "".join(f"        {each.name}: {each.about}\n" for each in found.fields)
    fields = "".join(
        f"    {each.name}: {each.type}" + ("\n" if each.is_required else " | None = None\n")
        for each in found.fields
    )
    return (
        f'@frozen(repr=False)\nclass {found.name}(Record):\n    """{found.about}\n\n'
        f'    Attributes:\n{about}    """\n\n{fields}'
    )


def singular(found: Model) -> str:
    return snake(found.name[0].lower() + found.name[1:])


def converter(found: Model) -> str:
    return f"to_{singular(found)}"


def conversion(found: Model) -> str:
    """Return how a response becomes the model; fields of other names or types are given here."""
    return f"{converter(found)} = partial(record, models.{found.name})\n"


def conversion_of_list(found: Model, family: str) -> str:
    """Return how a response becomes a list of the model."""
    data = f"list[api.{family}{found.name}] | Unset | None"
    return (
        f"def {converter(found)}s(data: {data}) -> list[models.{found.name}]:\n"
        f"    return list(map({converter(found)}, optional(data) or ()))\n"
    )


def row(call: NewCall) -> str:
    """Return the row of the table, with an example."""
    id = next((_IDS[it] for it in re.findall(r"\{(\w+)\}", call.path)[-1:] if it in _IDS), '"1"')
    given = [
        f'"{it.name}": {id if it.name == "id" else _EXAMPLES.get(it.type, chr(34) + "x" + chr(34))}'
        for it in call.parameters
        if it.is_required
    ]
    example = f", {{{', '.join(given)}}}" if given else ""
    return f'    {_MAKERS.get(call.method, "_changes")}("{call.name}"{example}),\n'


def case(call: NewCall) -> str:
    """Return a contract case, which fails until somebody says what the server does."""
    given = ", ".join(
        "run.id" if each.name == "id" and "{runId}" in call.path else f'"{each.name}"'
        for each in call.parameters
        if each.is_required
    )
    return (
        f"def test_{call.name.replace('.', '_')}(world: World, client: InngestClient) -> None:\n"
        '    run = world.start_and_wait(client, "echoes")\n'
        f"    found = client.{call.name}({given})\n"
        '    pytest.fail(f"Say in the name what is true of {found}, and assert it.")\n'
    )
