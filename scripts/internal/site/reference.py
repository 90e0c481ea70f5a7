"""Pages of the reference of the package: every public class, method, error and function.

All is read from the code: signatures and types by `inspect`, the texts from docstrings. Which names
a page has, and what it says of them, stands in its template.
"""

from __future__ import annotations

import enum
import inspect
import re
import typing
from collections.abc import Callable
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any

import attrs
from sphinx.util.inspect import stringify_signature

from inngest_rest import errors
from inngest_rest.calls import GROUPS, ROWS
from scripts.internal.site import docstrings
from scripts.internal.site.extension import ELSEWHERE
from scripts.internal.site.names import group, pairs, public, values
from scripts.internal.site.templates import filled
from tests.support.calls import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scripts.internal.site.docstrings import Docstring

PAGES = (
    "client",
    "sending",
    "listings",
    "models",
    "reports",
    "errors",
    "typing",
    "table",
    "testing",
)

CLIENT = "InngestClient"

_PUBLIC = {name.rpartition(".")[2] for name in public()}


@attrs.frozen
class Entries:
    """Writes the entries of names, as templates ask for them.

    Attributes:
        written: The full names that have an entry now, asynchronous twins included.
    """

    written: list[str] = attrs.field(factory=list)

    def __call__(self, names: str, module: str = "inngest_rest") -> str:
        """Return the entries of names, which a space separates."""
        entries = []
        for name in names.split():
            both = [name, pairs()[name]] if name in pairs() else [name]
            self.written.extend(f"{module}.{each}" for each in both)
            entries.append(_entry(module, name, public()[f"{module}.{name}"]))
        return "\n\n".join(entries)


def texts(entries: Entries) -> dict[str, str]:
    """Return every page of the reference of the package, by its path."""
    found = {}
    for name in PAGES:
        found[f"reference/{name}"] = filled(
            f"{name}.md", entries=entries, groups=GROUPS, errors=errors.__doc__
        )
    for name in GROUPS:
        found[f"reference/client/{name}"] = _group(name)
    return found


def _group(name: str) -> str:
    """Return the page of a group of methods."""
    blocking = group(name)
    asynchronous = vars(group(name, asynchronous=True))
    shown = {each: it for each, it in vars(blocking).items() if _is_shown(each, it)}
    return filled(
        "group.md",
        name=name,
        about=docstrings.read(blocking).text.partition(":")[0],
        summaries={each: docstrings.read(it).summary for each, it in shown.items()},
        entries=[
            _method(f"{CLIENT}.{name}.{each}", it, asynchronous[each], each)
            for each, it in shown.items()
        ],
    )


def _entry(module: str, name: str, it: Any) -> str:
    """Return the entry of a public name."""
    if isinstance(it, type):
        return _class(module, name, it)
    function = inspect.unwrap(it) if callable(it) else it  # the function of a fixture
    if isinstance(function, FunctionType):
        doc = docstrings.read(function)
        head = f"{name}{_signature(function)}"
        return _directive("function", head, [doc.text], _fields(doc, function), module=module)
    return _value(module, name, it)


def _value(module: str, name: str, it: Any) -> str:
    """Return the entry of a type alias or a constant."""
    written, text = values()[name]
    body = [docstrings.parse(inspect.cleandoc(text)).text]
    if isinstance(it, frozenset):
        return _directive("data", name, body, module=module)
    # In quotes is the name of a type.
    written = re.sub(r"'([A-Z]\w+(?: \| \w+)*)'", r"\1", written)
    options = {"module": module}
    if ELSEWHERE.keys() | _PUBLIC >= set(re.findall(r"[A-Z]\w+", written)):
        options["canonical"] = _one_line(written)
    return _directive("type", name, body, **options)


def _class(module: str, name: str, kind: type[Any]) -> str:
    doc = docstrings.read(_own_doc(kind))
    head = name
    if "Args" in doc.entries:
        head += _signature(kind)
    text = [*_bases(kind), doc.text]
    twin = public().get(f"inngest_rest.{pairs().get(name)}")
    if twin is not None:
        text.insert(0, f"Asynchronous: `{twin.__name__}`, whose entry is this one.")
    members = [_member(kind, each, twin) for each in _members(kind)]
    if issubclass(kind, enum.Enum):
        text.append("\n".join(f"- `{name}.{each.name}`: `{each.value!r}`" for each in kind))
    else:
        members = [*_attributes(kind, doc), *members]
    options = {"module": module}
    if kind.__module__ != module:
        options["canonical"] = f"{kind.__module__}.{name}"
    what = "exception" if issubclass(kind, BaseException) else "class"
    return _directive(what, head, text, _fields(doc, kind), members, **options)


def _own_doc(kind: type[Any]) -> str:
    return vars(kind).get("__doc__") or ""


def _bases(kind: type[Any]) -> list[str]:
    left_out = {object, dict, typing.Generic}
    shown = [
        f"`{each.__name__}`"
        for each in kind.__bases__
        if each not in left_out and not re.search(r"\._", f"{each.__module__}.{each.__name__}")
    ]
    return [f"Base: {', '.join(shown)}"] if shown else []


def _members(kind: type[Any]) -> list[str]:
    """Return the public methods and properties of a class, and those of its private bases."""
    names = dict.fromkeys(vars(kind))
    for base in kind.__mro__:
        if re.search(r"^inngest_rest.*\._", base.__module__):
            names |= dict.fromkeys(sorted(vars(base)))
    fields = {each.name for each in attrs.fields(kind)} if attrs.has(kind) else set()
    return [
        name
        for name in names
        if name not in fields and _is_shown(name, inspect.getattr_static(kind, name))
    ]


def _is_shown(name: str, it: Any) -> bool:
    if name == "__call__":
        return True
    is_member = isinstance(it, FunctionType | property | classmethod | staticmethod)
    return is_member and not name.startswith("_") and bool(_function_of(it).__doc__)


def _function_of(it: Any) -> Any:
    if isinstance(it, property):
        return it.fget
    if isinstance(it, cached_property):
        return it.func
    return getattr(it, "__func__", it)


def _attributes(kind: type[Any], doc: Docstring) -> Iterator[str]:
    """Yield the entries of the fields of a class."""
    texts: dict[str, str] = {}
    types: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        texts |= docstrings.read(_own_doc(each)).entries.get("Attributes", {})
        annotations = vars(each).get("__annotations__", {})
        types |= {name: _type(annotation) for name, annotation in annotations.items()}
    for name in _names_of_attributes(kind, doc, types):
        options = {"no-contents-entry": ""}
        if name in types:
            options["type"] = types[name]
        yield _directive("attribute", name, [texts.get(name, "")], **options)


def _names_of_attributes(
    kind: type[Any], doc: Docstring, types: Mapping[str, str]
) -> Iterable[str]:
    if typing.is_typeddict(kind):
        return types
    described = doc.entries.get("Attributes", {})
    if not attrs.has(kind) or "Args" in doc.entries:
        return described
    fields = [each.name for each in attrs.fields(kind) if _is_for_others(each, kind, doc)]
    return dict.fromkeys([*fields, *described])


def _is_for_others(each: attrs.Attribute[Any], kind: type[Any], doc: Docstring) -> bool:
    """Return whether a field is one to read; the mock has some for itself, and says nothing."""
    if each.name.startswith("_"):
        return False
    is_of_mock = kind.__module__.startswith("inngest_rest_mock")
    return not is_of_mock or bool(each.repr) or f"`{each.name}`" in doc.text


def _member(kind: type[Any], name: str, twin: type[Any] | None) -> str:
    """Return the entry of a property or a method of a class."""
    it = inspect.getattr_static(kind, name)
    if not isinstance(it, property | cached_property):
        renamed = name if twin is None or hasattr(twin, name) else f"a{name}"
        other = None if twin is None else inspect.getattr_static(twin, renamed, None)
        return _method(name, it, other, renamed)
    function = _function_of(it)
    doc = docstrings.read(function)
    annotation = inspect.signature(function).return_annotation
    options = {} if annotation is inspect.Signature.empty else {"type": _type(annotation)}
    return _directive("property", name, [doc.text], _fields(doc, function), **options)


def _method(name: str, it: Any, twin: Any, twin_name: str) -> str:
    """Return the entry of a method, with its name and arguments in the asynchronous client."""
    function = _function_of(it)
    doc = docstrings.read(function)
    options = {"module": "inngest_rest"} if "." in name else {}
    if isinstance(it, classmethod | staticmethod):
        options[type(it).__name__] = ""
    if inspect.iscoroutinefunction(function):
        options["async"] = ""
    fields = [*_fields(doc, function)]
    if twin is not None:
        fields.append(f":Asynchronous: {_asynchronous(name, function, twin_name, twin)}")
    call = name.removeprefix(f"{CLIENT}.")
    if call in BY_NAME and (row := BY_NAME[call]) in ROWS and row.command:
        command = f"inngest-rest {' '.join(row.words)}"
        fields.append(f":Elsewhere: command `{command}`, tool `{row.tool}`")
    head = f"{name}{_signature(function)}"
    return _directive("method", head, [doc.text], fields, **options)


def _asynchronous(name: str, function: Any, twin_name: str, twin: Any) -> str:
    """Return how a call differs in the asynchronous client."""
    other = _function_of(twin)
    call = f"{name.rpartition('.')[0]}.{twin_name}".lstrip(".").replace(CLIENT, "client")
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
    return words


def _type_role(text: str) -> str:
    return f"{{annotation}}`{text}`"


def _fields(doc: Docstring, it: Any) -> Iterator[str]:
    """Yield the sections of a docstring as fields."""
    if "Args" in doc.entries:
        arguments = {_arguments(names, it): text for names, text in doc.entries["Args"].items()}
        yield _definitions("Arguments", arguments)
    if text := doc.passages.get("Returns") or doc.passages.get("Yields"):
        yield f":Returns: {text}"
    if "Raises" in doc.entries:
        raised = doc.entries["Raises"]
        quoted = {re.sub(r"\w+", r"`\g<0>`", names): text for names, text in raised.items()}
        yield _definitions("Raises", quoted)
    if text := doc.passages.get("HTTP"):
        yield f":HTTP: {text}"


def _arguments(names: str, it: Any) -> str:
    """Return arguments with their types."""
    parameters = inspect.signature(it).parameters
    shown = []
    for name in names.split(", "):
        words = f"`{name}`"
        if parameter := parameters.get(name.lstrip("*")):
            words += f" {_type_role(_type(parameter.annotation, it))}"
        shown.append(words)
    return ", ".join(shown)


def _definitions(heading: str, terms: Mapping[str, str]) -> str:
    """Return a field that is a list of terms and what they mean."""
    listed = [f"    {term}\n    : {text}" for term, text in terms.items()]
    return f":{heading}:\n" + "\n\n".join(listed)


def _signature(it: Any) -> str:
    """Return a signature as it is shown, on one line."""
    signature = inspect.signature(it)
    parameters = []
    for each in signature.parameters.values():
        if each.name not in {"self", "cls"}:
            annotation = _type_if_any(each.annotation, it)
            parameters.append(each.replace(default=_default(each.default), annotation=annotation))
    returns = signature.return_annotation
    returns = inspect.Signature.empty if isinstance(it, type) else _type_if_any(returns, it)
    shown = signature.replace(parameters=parameters, return_annotation=returns)
    return stringify_signature(shown)


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
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, type) and not typing.get_args(annotation):
        annotation = annotation.__name__
    text = re.sub(r"ForwardRef\('([^']*)'[^)]*\)", r"\1", str(annotation))
    text = re.sub(
        r"\b(?:builtins|typing|collections\.abc|inngest_rest(?:\.\w+)*)\.(?=\w)", "", text
    )
    function = getattr(it, "__init__", it) if isinstance(it, type) else it
    known = getattr(function, "__globals__", {})
    for name in re.findall(r"[A-Z]\w+", text):
        alias = known.get(name)
        if name not in _PUBLIC and typing.get_origin(alias) in {typing.Literal, Callable}:
            text = re.sub(rf"\b{name}\b", str(alias).replace("typing.", ""), text)
    return _one_line(text.replace("collections.abc.", ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _directive(
    what: str,
    head: str,
    text: Iterable[str],
    fields: Iterable[str] = (),
    members: Sequence[str] = (),
    **options: str,
) -> str:
    """Return an entry: what is said, its fields, then the entries of members, which end these."""
    fence = "::::::" if what in {"class", "exception"} else ":::::"
    lines = [f"{fence}{{py:{what}}} {head}"]
    lines += [f":{name}: {value}".rstrip() for name, value in options.items()]
    blocks = [*text, "\n".join(fields), *members]
    return "\n".join([*lines, "", "\n\n".join(filter(None, blocks)), fence])
