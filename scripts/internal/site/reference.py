"""Pages of the reference of the package: every public class, method, error and function.

All is read from the code: signatures and types by `inspect`, the texts from docstrings.
"""

from __future__ import annotations

import enum
import inspect
import re
import sys
import typing
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

import attrs
from sphinx.util.inspect import stringify_signature

from inngest_rest._table import GROUPS, ROWS
from scripts.internal.site import docstrings
from scripts.internal.site.extension import ELSEWHERE
from scripts.internal.site.markdown import table
from scripts.internal.site.names import described, group, pages, pairs, public
from tests.support.calls import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scripts.internal.site.docstrings import Docstring
    from scripts.internal.site.names import Page

CLIENT = "InngestClient"

_PUBLIC = {name.rpartition(".")[2] for name in public()}

# Parameters of Python that no caller passes.
_HIDDEN = {"self", "cls"}


def texts() -> dict[str, str]:
    """Return every page of the reference of the package, by its path."""
    everything = public()
    found = {f"reference/{page.path}": _page(page, everything) for page in pages()}
    return found | {f"reference/client/{name}": _group_page(name) for name in GROUPS}


def _page(page: Page, everything: Mapping[str, Any]) -> str:
    blocks = [f"# {page.title}", page.about]
    for part in page.parts:
        blocks += [f"## {part.title}", part.about] if len(page.parts) > 1 else []
        for name in part.names:
            blocks.append(_entry(part.module, name, everything[f"{part.module}.{name}"]))
        if part.names[0] == CLIENT:
            blocks += ["## Groups of methods", _groups()]
    if page.path == "errors":
        text = docstrings.read(import_module("inngest_rest.errors").__doc__).text
        blocks.insert(2, text.partition("\n\n")[2])
    return _joined(blocks)


def _groups() -> str:
    rows = [
        (f"[`client.{name}`](client/{name}.md)", about.partition(":")[0])
        for name, about in GROUPS.items()
    ]
    return table(("group", "methods"), rows)


def _group_page(name: str) -> str:
    """Return the page of a group of methods."""
    blocking, asynchronous = group(name), group(name, asynchronous=True)
    methods = [each for each, it in vars(blocking).items() if _is_shown(each, it)]
    glance = [
        (f"`client.{name}.{each}`", docstrings.read(vars(blocking)[each]).summary)
        for each in methods
    ]
    about = docstrings.read(blocking).text.partition(":")[0]
    blocks = [
        f"# {name.capitalize()}",
        f"{about}: `client.{name}`, of `InngestClient` and of `AsyncInngestClient`.",
        *([table(("method", "what it does"), glance)] if len(methods) > 1 else []),
        "## Methods",
        *(
            _method(f"{CLIENT}.{name}.{each}", vars(blocking)[each], vars(asynchronous), each)
            for each in methods
        ),
    ]
    return _joined(blocks)


def _entry(module: str, name: str, it: Any) -> str:
    """Return the entry of a public name."""
    if isinstance(it, type) and not hasattr(it, "__supertype__"):
        return _class(module, name, it)
    if isinstance(it, FunctionType) or hasattr(it, "__wrapped__") or callable(it):
        if isinstance(it, FunctionType):
            return _function(module, name, it)
        if wrapped := getattr(it, "__wrapped__", None):  # a fixture
            return _function(module, name, wrapped)
    return _value(module, name, it)


def _value(module: str, name: str, it: Any) -> str:
    """Return the entry of a type alias or a constant."""
    for each in (module, *_modules_below(module)):
        if found := described(import_module(each)).get(name):
            written, text = found
            break
    else:
        raise LookupError(f"{module}.{name} has no text after it")
    # In quotes is the name of a type.
    written = re.sub(r"'([A-Z]\w+(?: \| \w+)*)'", r"\1", written)
    is_open = all(each in _PUBLIC or each in ELSEWHERE for each in re.findall(r"[A-Z]\w+", written))
    body = [docstrings.parse(inspect.cleandoc(text)).text]
    if isinstance(it, frozenset):
        return _directive("py:data", name, body, module=module, depth=5)
    options = {"canonical": _one_line(written)} if is_open else {}
    return _directive("py:type", name, body, module=module, depth=5, **options)


def _modules_below(module: str) -> Iterator[str]:
    yield from sorted(each for each in sys.modules if each.startswith(f"{module}."))


def _function(module: str, name: str, it: Any) -> str:
    doc = docstrings.read(it)
    return _directive(
        "py:function", f"{name}{_signature(it)}", _body(doc, it), module=module, depth=5
    )


def _class(module: str, name: str, kind: type[Any]) -> str:
    twin: type[Any] | None = public().get(f"inngest_rest.{pairs().get(name, '')}")
    doc = docstrings.read(_own_doc(kind))
    head = [name + (_signature(kind) if "Args" in doc.entries else "")]
    body = [*_bases(kind), *_body(doc, kind, without={"Attributes"})]
    if twin is not None:
        body.insert(0, f"Asynchronous: `{twin.__name__}`, whose entry is this one.")
    body += _attributes(name, kind, doc)
    for each in sorted(_members(kind), key=_order(kind)):
        it = inspect.getattr_static(kind, each)
        if isinstance(it, property | cached_property):
            body.append(_property(each, it))
        elif isinstance(it, FunctionType | classmethod | staticmethod):
            twins = _attributes_of(twin) if twin else None
            body.append(_method(each, it, twins, _name_in(twins, each), depth=5))
    extra = {"canonical": f"{kind.__module__}.{name}"} if kind.__module__ != module else {}
    what = "py:exception" if issubclass(kind, BaseException) else "py:class"
    if twin is not None:
        what += f"\n{pairs()[name]}"
    return _directive(
        what.partition("\n")[0], "\n".join(head), body, module=module, depth=6, **extra
    )


def _own_doc(kind: type[Any]) -> str:
    return vars(kind).get("__doc__") or ""


def _attributes_of(kind: type[Any]) -> Mapping[str, Any]:
    return {name: inspect.getattr_static(kind, name) for name in dir(kind)}


def _name_in(twins: Mapping[str, Any] | None, name: str) -> str:
    """Return what a method is called in the asynchronous class."""
    renamed = {"close": "aclose", "__iter__": "__aiter__", "__next__": "__anext__"}
    if twins is not None and name not in twins:
        return renamed.get(name, name)
    return name


def _order(kind: type[Any]) -> Any:
    order = list(vars(kind))
    return lambda name: order.index(name) if name in order else len(order)


def _bases(kind: type[Any]) -> list[str]:
    shown = [
        each.__name__
        for each in kind.__bases__
        if each not in {object, typing.Generic}
        and not each.__name__.startswith("_")
        and "._" not in each.__module__
        and each.__name__ not in {"dict", "TypedDict"}
    ]
    return [f"Base: {', '.join(f'`{each}`' for each in shown)}"] if shown else []


def _members(kind: type[Any]) -> Iterator[str]:
    """Yield the public methods and properties of a class, and those of its private bases."""
    described_already = {each.name for each in attrs.fields(kind)} if attrs.has(kind) else set()
    for name in dir(kind):
        owner = next((each for each in kind.__mro__ if name in vars(each)), object)
        is_own = owner is kind or any(part.startswith("_") for part in owner.__module__.split("."))
        is_ours = owner.__module__.startswith("inngest_rest")
        is_new = is_own and is_ours and name not in described_already
        if is_new and _is_shown(name, vars(owner)[name]):
            yield name


def _is_shown(name: str, it: Any) -> bool:
    if name == "__call__":
        return True
    is_member = isinstance(it, FunctionType | property | classmethod | staticmethod)
    return is_member and not name.startswith("_") and bool(_function_of(it).__doc__)


def _function_of(it: Any) -> Any:
    if isinstance(it, property):
        return it.fget
    return getattr(it, "__func__", it)


def _attributes(name: str, kind: type[Any], doc: Docstring) -> Iterable[str]:
    """Return the entries of the fields of a class, of the members of an enumeration."""
    if issubclass(kind, enum.Enum):
        yield "\n".join(f"- `{name}.{each.name}`: `{each.value!r}`" for each in kind)
        return
    types = _types(kind)
    said = dict(doc.entries.get("Attributes", {}))
    names = list(said)
    if attrs.has(kind) and "Args" not in doc.entries:
        names = [each.name for each in attrs.fields(kind) if _is_for_others(each, kind, doc)]
        names += [each for each in said if each not in names]
    elif typing.is_typeddict(kind):
        names = list(types)
    inherited: dict[str, str] = {}
    for base in kind.__mro__[1:]:
        for key, text in docstrings.read(_own_doc(base)).entries.get("Attributes", {}).items():
            inherited.setdefault(key, text)
    for each in names:
        text = said.get(each) or inherited.get(each, "")
        options = {"no-contents-entry": ""}
        options |= {"type": types[each]} if each in types else {}
        yield _directive("py:attribute", each, [text], depth=5, **options)


def _is_for_others(each: attrs.Attribute[Any], kind: type[Any], doc: Docstring) -> bool:
    """Return whether a field is one to read; the mock has some for itself, and says nothing."""
    is_told = each.repr or f"`{each.name}`" in doc.text
    is_of_mock = kind.__module__.startswith("inngest_rest.testing")
    return not each.name.startswith("_") and (bool(is_told) or not is_of_mock)


def _types(kind: type[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        for name, it in vars(each).get("__annotations__", {}).items():
            found[name] = _type(it)
    return found


def _property(name: str, it: Any) -> str:
    function = getattr(it, "func", None) or it.fget
    doc = docstrings.read(function)
    annotation = inspect.signature(function).return_annotation
    options = {} if annotation is inspect.Signature.empty else {"type": _type(annotation)}
    return _directive("py:property", name, _body(doc, function), depth=5, **options)


def _method(
    name: str, it: Any, twins: Mapping[str, Any] | None, twin: str, *, depth: int = 5
) -> str:
    """Return the entry of a method, with its name and arguments in the asynchronous client."""
    function = _function_of(it)
    options: dict[str, str] = {"module": "inngest_rest"} if "." in name else {}
    if isinstance(it, classmethod):
        options["classmethod"] = ""
    elif isinstance(it, staticmethod):
        options["staticmethod"] = ""
    elif inspect.iscoroutinefunction(function):
        options["async"] = ""
    body = _body(docstrings.read(function), function)
    if twins is not None and (other := twins.get(twin)) is not None:
        body += _asynchronous(name, function, twin, _function_of(other))
    call = name.removeprefix(f"{CLIENT}.")
    if call in BY_NAME and (row := BY_NAME[call]) in ROWS and row.command:
        body.append(f":Elsewhere: command `inngest-rest {' '.join(row.words)}`, tool `{row.tool}`")
    return _directive("py:method", f"{name}{_signature(it)}", body, depth=depth, **options)


def _asynchronous(name: str, function: Any, twin: str, other: Any) -> list[str]:
    """Return how a call differs in the asynchronous client."""
    call = f"{name.removeprefix('InngestClient.').rpartition('.')[0]}.{twin}".lstrip(".")
    call = f"client.{call}" if name.startswith(CLIENT) else call
    blocking, asynchronous = map(inspect.signature, (function, other))
    if inspect.iscoroutinefunction(other):
        words = f"`await {call}(…)`"
    elif inspect.isasyncgenfunction(other):
        words = f"`async for … in {call}(…)`"
    elif blocking.return_annotation != asynchronous.return_annotation:
        words = f"returns {_type_role(_type(asynchronous.return_annotation))}"
    else:
        words = "the same"
    for each, parameter in asynchronous.parameters.items():
        mine = blocking.parameters.get(each)
        if mine is not None and mine.annotation != parameter.annotation:
            words += f"; `{each}` is {_type_role(_type(parameter.annotation))}"
    return [f":Asynchronous: {words}"]


def _type_role(text: str) -> str:
    return f"{{annotation}}`{text}`"


def _body(doc: Docstring, it: Any, *, without: Iterable[str] = ()) -> list[str]:
    """Return what a docstring says, its sections as fields."""
    blocks, fields = [doc.text], []
    if arguments := list(_arguments(doc, it)):
        fields.append(_field("Arguments", "\n".join(arguments)))
    if text := doc.passages.get("Returns") or doc.passages.get("Yields"):
        fields.append(_field("Returns", text))
    raised = [
        f"{', '.join(f'`{each}`' for each in names.split(', '))}\n: {text}\n"
        for names, text in doc.entries.get("Raises", {}).items()
    ]
    if raised:
        fields.append(_field("Raises", "\n".join(raised)))
    if text := doc.passages.get("HTTP"):
        fields.append(_field("HTTP", text))
    if "Attributes" in doc.entries and "Attributes" not in without:
        listed = [f"`{name}`\n: {text}\n" for name, text in doc.entries["Attributes"].items()]
        fields.append(_field("Attributes", "\n".join(listed)))
    return [*blocks, *fields]


def _arguments(doc: Docstring, it: Any) -> Iterator[str]:
    parameters = _parameters(it)
    for names, text in doc.entries.get("Args", {}).items():
        shown = []
        for name in names.split(", "):
            parameter = parameters.get(name.lstrip("*"))
            annotation = "" if parameter is None else _type(parameter.annotation, it)
            shown.append(f"`{name}`" + (f" {_type_role(annotation)}" if annotation else ""))
        yield f"{', '.join(shown)}\n: {text}\n"


def _parameters(it: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(it).parameters
    except (TypeError, ValueError):
        return {}


def _signature(it: Any) -> str:
    """Return a signature as it is shown, on one line."""
    signature = inspect.signature(_function_of(it))
    shown = [
        each.replace(default=_default(each.default), annotation=_type_if_any(each.annotation, it))
        for each in signature.parameters.values()
        if each.name not in _HIDDEN
    ]
    returns = (
        inspect.Signature.empty
        if isinstance(it, type)
        else _type_if_any(signature.return_annotation, it)
    )
    return stringify_signature(signature.replace(parameters=shown, return_annotation=returns))


class _Shown(str):
    """A default that is shown as it stands here, without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _default(value: Any) -> Any:
    if value is attrs.NOTHING or type(value).__module__.startswith("attr"):
        return _Shown("...")
    if callable(value) and value is not inspect.Parameter.empty:
        return _Shown(value.__name__)
    return value


def _type_if_any(annotation: Any, it: Any) -> Any:
    return annotation if annotation is inspect.Parameter.empty else _type(annotation, it)


def _type(annotation: Any, it: Any = None) -> str:
    """Return a type as it is written in the code; private names of a choice by the choice."""
    if isinstance(annotation, str):
        text = annotation
    elif isinstance(annotation, typing.ForwardRef):
        text = annotation.__forward_arg__
    elif isinstance(annotation, type) and not typing.get_args(annotation):
        text = annotation.__name__
    else:
        text = str(annotation)
    text = re.sub(r"ForwardRef\('([^']*)'[^)]*\)", r"\1", text)
    text = re.sub(
        r"\b(?:builtins|typing|collections\.abc|inngest_rest(?:\.\w+)*)\.(?=\w)", "", text
    )
    function = getattr(it, "__init__", it) if isinstance(it, type) else _function_of(it)
    known = getattr(function, "__globals__", {})
    for name in re.findall(r"[A-Z]\w+", text):
        alias = known.get(name)
        if name not in _PUBLIC and typing.get_origin(alias) in {typing.Literal, Callable}:
            text = re.sub(rf"\b{name}\b", str(alias).replace("typing.", ""), text)
    return _one_line(text.replace("collections.abc.", ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _field(name: str, text: str) -> str:
    """Return a field of an entry."""
    lines = text.rstrip().split("\n")
    if len(lines) == 1:
        return f":{name}: {lines[0]}"
    return "\n".join([f":{name}:", *(f"    {line}".rstrip() for line in lines)])


def _directive(what: str, head: str, body: Iterable[str], *, depth: int, **options: str) -> str:
    fence = ":" * depth
    lines = [f"{fence}{{{what}}} {head}"]
    lines += [f":{name}: {value}".rstrip() for name, value in options.items()]
    blocks = [each for each in body if each]
    fields = [each for each in blocks if re.match(r":\w+:", each)]
    others = [each for each in blocks if each not in fields]
    # An entry of a member ends the fields of its class.
    text = [each for each in others if not each.startswith(":::")]
    members = [each for each in others if each.startswith(":::")]
    inner = [*text, *(["\n".join(fields)] if fields else []), *members]
    return "\n".join([*lines, "", "\n\n".join(inner), fence])


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(filter(None, blocks)) + "\n"
