"""The public names of the package, and the texts of those that cannot have a docstring."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sys
from functools import cache
from importlib import import_module
from itertools import pairwise
from types import FunctionType
from typing import TYPE_CHECKING, Any

import inngest_rest
import inngest_rest_mock
from inngest_rest.calls import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@cache
def pairs() -> dict[str, str]:
    """Return the asynchronous class of each blocking one that is written from it."""
    return {
        name.rpartition(".")[2]: f"Async{it.__name__}"
        for name, it in public().items()
        if getattr(it, "__module__", "").startswith("inngest_rest.client.")
    }


@cache
def public() -> dict[str, Any]:
    """Return all that is public, by the name that programs import."""
    found: dict[str, Any] = {}
    for module in (inngest_rest, inngest_rest_mock):
        names = [name for name in module.__all__ if name != "__version__"]
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in names}
    known = {(name.rpartition(".")[2], id(it)) for name, it in found.items()}
    for module in _modules():
        for name in _defined(module):
            it = getattr(module, name)
            if (name, id(it)) not in known and not is_group(it):
                found[f"{module.__name__}.{name}"] = it
    return found


def is_group(it: Any) -> bool:
    """Return whether it is the class of a group of methods, such as `client.runs`."""
    module = getattr(it, "__module__", "")
    return module.rpartition(".")[0] in {"inngest_rest.client", "inngest_rest.aio"} and (
        getattr(it, "__name__", "").lower() in GROUPS
    )


def group(name: str, *, asynchronous: bool = False) -> type[Any]:
    """Return the class of a group of methods."""
    client = inngest_rest.AsyncInngestClient if asynchronous else inngest_rest.InngestClient
    found: type[Any] = getattr(client, name).kind
    return found


@cache
def _modules() -> tuple[ModuleType, ...]:
    return tuple(
        import_module(info.name)
        for info in pkgutil.walk_packages(inngest_rest.__path__, "inngest_rest.")
        if not re.search(r"\._", info.name)
    )


def _defined(module: ModuleType) -> Iterator[str]:
    """Yield the public classes, functions, values and fixtures of a module."""
    stated = getattr(module, "__all__", vars(module))
    for name, it in vars(module).items():
        is_own = getattr(it, "__module__", None) == module.__name__ and name in stated
        if not name.startswith(("_", "pytest_")) and is_own and isinstance(it, type | FunctionType):
            yield name
    yield from (name for name in _values(module) if name in stated)
    if module.__name__ == "inngest_rest_pytest":
        yield from (name for name in vars(module) if name.startswith(("mock_", "inngest_")))


@cache
def values() -> dict[str, tuple[str, str]]:
    """Return all values that a text follows: how each is written, and the text."""
    modules = [
        each for name, each in sorted(sys.modules.items()) if re.match("inngest_rest\\b", name)
    ]
    return {name: value for module in modules for name, value in _values(module).items()}


def _values(module: ModuleType) -> dict[str, tuple[str, str]]:
    found = {}
    for node, after in pairwise(ast.parse(inspect.getsource(module)).body):
        match node, after:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if not name.startswith("_"):
                found[name] = ast.unparse(value), text
    return found
