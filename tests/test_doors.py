"""The two clients are one: same names, order, signatures and words, each method one line."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import inngest_rest
from inngest_rest import AsyncInngestClient, InngestClient, aio, client

if TYPE_CHECKING:
    from collections.abc import Iterator

RENAMED = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}
GROUPS = ["events", "runs", "apps", "functions", "signals", "cancellations", "webhooks"]

# What is async of each type a signature names.
ASYNC_TYPES = {
    "Paginator": "AsyncPaginator",
    "httpx.BaseTransport": "httpx.AsyncBaseTransport",
    "Iterable": "AsyncIterable",
}


def members(kind: type) -> dict[str, Any]:
    """Give what a door defines itself, in the order of its text."""
    own = ["__init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__repr__"]
    return {
        name: value
        for name, value in vars(kind).items()
        if not name.startswith("_") or (name in own and inspect.isfunction(value))
    }


def doors() -> Iterator[tuple[type, type]]:
    yield InngestClient, AsyncInngestClient
    with_transport: Any = {
        "dev": True,
        "transport": httpx.MockTransport(lambda _: httpx.Response(200)),
    }
    blocking, asynchronous = InngestClient(**with_transport), AsyncInngestClient(**with_transport)
    for name in GROUPS:
        yield type(getattr(blocking, name)), type(getattr(asynchronous, name))


PAIRS = list(doors())
each_pair = pytest.mark.parametrize(
    ("blocking", "asynchronous"), PAIRS, ids=[it.__name__ for it, _ in PAIRS]
)


@each_pair
def test_both_doors_have_the_same_names_in_the_same_order(
    blocking: type, asynchronous: type
) -> None:
    assert [RENAMED.get(name, name) for name in members(blocking)] == list(members(asynchronous))


def pairs_of_methods() -> Iterator[tuple[str, Any, Any]]:
    for blocking, asynchronous in PAIRS:
        theirs = members(asynchronous)
        for name, value in members(blocking).items():
            other = theirs[RENAMED.get(name, name)]
            method, twin = (getattr(each, "func", each) for each in (value, other))
            if inspect.isfunction(method):
                yield f"{blocking.__name__}.{name}", method, twin


METHODS = list(pairs_of_methods())
each_method = pytest.mark.parametrize(
    ("name", "method", "twin"), METHODS, ids=[it for it, _, _ in METHODS]
)


def as_async(annotation: str) -> set[str]:
    """Give the forms an annotation may have at the async door: its own, or that of async things."""
    changed = annotation
    for blocking, asynchronous in ASYNC_TYPES.items():
        if asynchronous not in changed:
            changed = re.sub(rf"(?<!\w){re.escape(blocking)}\b", asynchronous, changed)
    return {annotation, changed, f"{annotation} | {changed}"}


@each_method
def test_both_doors_have_the_same_signatures(name: str, method: Any, twin: Any) -> None:
    ours, theirs = inspect.signature(method), inspect.signature(twin)
    assert list(ours.parameters) == list(theirs.parameters), name
    for mine, other in zip(ours.parameters.values(), theirs.parameters.values(), strict=True):
        assert (mine.kind, mine.default) == (other.kind, other.default)
        if "Iterable" not in str(mine.annotation):
            assert str(other.annotation) in as_async(str(mine.annotation))
    assert str(theirs.return_annotation) in as_async(str(ours.return_annotation))


@each_method
def test_both_doors_say_the_same(name: str, method: Any, twin: Any) -> None:
    if not name.endswith(("__init__", "__enter__", "__exit__", "__repr__")):
        assert method.__doc__
    assert without_async(twin.__doc__) == without_async(method.__doc__), name


def without_async(words: str | None) -> str:
    return re.sub(r"\b(async|await) | or asynchronous iterable", "", words or "")


@each_method
def test_each_method_is_one_line(name: str, method: Any, twin: Any) -> None:
    if name.endswith("__init__"):
        return
    for each in (method, twin):
        [function] = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        body = [it for it in function.body if not isinstance(it, ast.ImportFrom)]
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        assert len(body) <= (2 if "__repr__" in name else 1), name


@each_method
def test_what_sends_is_awaited(name: str, method: Any, twin: Any) -> None:
    assert not inspect.iscoroutinefunction(method)
    returns = str(inspect.signature(method).return_annotation)
    at_once = "Paginator" in returns or name.endswith(("__init__", "__repr__"))
    is_group = name.removeprefix("InngestClient.") in GROUPS
    assert inspect.iscoroutinefunction(twin) is not (at_once or is_group), name


@each_method
def test_each_public_method_names_its_errors_and_its_route(
    name: str, method: Any, twin: Any
) -> None:
    if re.search(r"\.(_|close|[a-z]+$)", name) and (
        "InngestClient." in name and name != "InngestClient.send"
    ):
        return
    assert "Raises:" in method.__doc__, twin
    assert "HTTP: `" in method.__doc__
    documented = set(
        re.findall(r"^    (\w+)(?= ?\()?:", inspect.getdoc(method) or "", re.MULTILINE)
    )
    arguments = set(inspect.signature(method).parameters) - {"self"}
    assert arguments <= documented


@pytest.mark.parametrize("module", [inngest_rest, client, aio], ids=lambda it: it.__name__)
def test_all_is_sorted_and_each_name_is_there(module: Any) -> None:
    names = list(module.__all__)
    assert names == sorted(names)
    assert all(getattr(module, name) is not None for name in names)


def test_all_is_every_public_name_of_the_leaves() -> None:
    public = {
        name
        for module in ("errors", "event", "models", "reports")
        for name, value in vars(__import__(f"inngest_rest.{module}", fromlist=["x"])).items()
        if getattr(value, "__module__", "").startswith("inngest_rest.") and name[0].isupper()
    }
    assert public - set(inngest_rest.__all__) <= {"T"}
    with pytest.raises(AttributeError, match="nonsense"):
        _ = inngest_rest.nonsense
    assert set(inngest_rest.__all__) <= set(dir(inngest_rest))


PACKAGE = Path(inngest_rest.__file__).parent


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {
        each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names
    }
    return plain | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_only_the_core_and_the_mock_touch_the_generated_operations() -> None:
    touching = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if any(each.startswith("inngest_rest_api") for each in imports(path))
    }
    assert touching <= {"_core", "testing"}


def test_layers_look_one_way() -> None:
    for path in (PACKAGE / "_core").rglob("*.py"):
        assert not [
            it for it in imports(path) if re.match(r"inngest_rest\.(client|aio|testing|cli)", it)
        ]
    for leaf in ("errors", "event", "models", "reports"):
        inner = [it for it in imports(PACKAGE / f"{leaf}.py") if it.startswith("inngest_rest")]
        assert not [it for it in inner if "_core" in it], leaf


def test_one_module_reads_the_environment_and_the_drivers_alone_sleep() -> None:
    reads, sleeps = set(), set()
    for path in PACKAGE.rglob("*.py"):
        where, text = str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")
        if where.startswith("testing"):
            continue
        if re.search(r"\bos\.(environ|getenv)\b", text):
            reads.add(where)
        if re.search(r"\b(time|asyncio)\.sleep\((?!0\))", text):
            sleeps.add(str(Path(where).parent))
    assert reads <= {"_core/calls/settings.py", "cli/settings.py"}
    assert sleeps == {"_core"}  # clock.py


def test_modules_are_small() -> None:
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
        if "_resources" not in path.name  # two of nothing but signatures and words
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}
