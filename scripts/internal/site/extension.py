"""What the site adds to Sphinx: names in code become links, and each name has its aliases."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxRole
from sphinx.util.nodes import make_refnode

from scripts.internal.site.names import pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PYTHON = "https://docs.python.org/3/library/"
HTTPX = "https://www.python-httpx.org/"
PYTEST = "https://docs.pytest.org/en/stable/reference/reference.html"
ARROW = "https://arrow.apache.org/docs/python/generated/pyarrow.Table.html"

# Where other projects describe what our signatures name: `*` stands for the name. Opening a page
# asks none of them, nor does the build, as intersphinx would.
_PLACES = {
    f"{PYTHON}stdtypes.html#*": "bytes dict frozenset list set str tuple",
    f"{PYTHON}functions.html#*": "bool float int object type",
    f"{PYTHON}collections.abc.html#collections.abc.*": (
        "AsyncIterable AsyncIterator Awaitable Callable Collection Generator Iterable Iterator "
        "Mapping Sequence"
    ),
    f"{PYTHON}typing.html#typing.*": (
        "Any ClassVar Generic Literal Never NoReturn Self TypedDict Union Unpack"
    ),
    f"{PYTHON}exceptions.html#*": (
        "Exception KeyError LookupError OSError RuntimeError TimeoutError TypeError ValueError"
    ),
    f"{PYTHON}constants.html#*": "None",
    f"{PYTHON}contextlib.html#contextlib.*": "AbstractContextManager",
    f"{PYTHON}os.html#os.PathLike": "PathLike os.PathLike",
    f"{PYTHON}enum.html#enum.*": "StrEnum",
    f"{PYTHON}datetime.html#datetime.*": "datetime timedelta",
    f"{HTTPX}advanced/transports/": "httpx.AsyncBaseTransport httpx.BaseTransport",
    f"{HTTPX}api/#headers": "httpx.Headers",
    f"{HTTPX}api/#request": "httpx.Request",
    f"{HTTPX}api/#response": "httpx.Response",
    f"{HTTPX}exceptions/": "httpx.TransportError",
    f"{PYTEST}#config": "pytest.Config",
    ARROW: "pyarrow.Table",
}
ELSEWHERE = {
    name: place.replace("*", name) for place, names in _PLACES.items() for name in names.split()
}

NAME = re.compile(r"(?:await )?([A-Za-z_][\w.]*)(?:\((.*)\))?", re.DOTALL)
PLAIN_WORD = re.compile("[a-z_]+")
VARIABLE = re.compile(r"(INNGEST_\w+)(?:=\S+)?")
ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^\s?]*)(?:\?.*)?")
COMMAND = re.compile(r"inngest-rest ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?(?: .*)?")

Target = tuple[str, str]
"""A document and an anchor in it."""


class Names:
    """What a code span may name, and where that is described."""

    def __init__(self, env: BuildEnvironment) -> None:
        self._labels: Mapping[str, Target] = {
            name: (where[0], where[1])
            for name, where in env.domains.standard_domain.anonlabels.items()
        }
        self._names: dict[str, set[Target]] = {}
        for name, entry in env.domains.python_domain.objects.items():
            for short in _short_names(name):
                self._names.setdefault(short, set()).add((entry.docname, entry.node_id))

    def find(self, text: str) -> Target | None:
        """Return what a code span names, if it is one thing."""
        text = text.strip()
        for label in _labels_of(text):
            if label in self._labels:
                return self._labels[label]
        found = NAME.fullmatch(text)
        if found is None or (PLAIN_WORD.fullmatch(found[1]) and found[2] is None):
            return None
        return self.named(found[1].removeprefix("client."))

    def named(self, name: str) -> Target | None:
        """Return what a name of Python stands for, if it is one thing."""
        targets = self._names.get(name, set())
        return next(iter(targets)) if len(targets) == 1 else None


def _labels_of(text: str) -> Iterator[str]:
    """Yield the labels that what is no name of Python may have."""
    if found := ROUTE.fullmatch(text):
        yield label_of_route(found[1], found[2])
    if found := COMMAND.fullmatch(text):
        yield f"command-{found[1]}-{found[2]}"
        yield f"command-{found[1]}"
    if found := VARIABLE.fullmatch(text):
        yield found[1].lower()
    yield f"operation-{text.lower()}"
    if not PLAIN_WORD.fullmatch(text):
        yield f"recording-{text}"


def _short_names(name: str) -> Iterator[str]:
    yield name
    short = re.sub(r"^inngest_rest(_mock|_pytest)?\.((typing|models)\.)?", "", name)
    yield short
    yield short.removeprefix("InngestClient.")


def label_of_route(method: str, path: str) -> str:
    """Return the label of an operation, whatever its parameters are called."""
    plain = re.sub(r"\{\w+\}|:\w+", "-", path).strip("/").replace("/", "-")
    return f"route-{method}-{plain}".lower()


# A link within a link would leave the outer one empty.
_NOT_IN = (addnodes.desc_signature, addnodes.pending_xref, nodes.reference, nodes.title)


class LinkNames(SphinxPostTransform):
    """Link each code span that names something of the reference."""

    default_priority = 5

    def run(self, **_: Any) -> None:
        # Before Sphinx looks for a name of ours that ends so: a field may be called `bytes`.
        for xref in list(self.document.findall(addnodes.pending_xref)):
            if xref.get("refdomain") == "py" and xref["reftarget"] in ELSEWHERE:
                xref.replace_self(_elsewhere(xref["reftarget"]))
        for literal in list(self.document.findall(nodes.literal)):
            if not any(isinstance(each, _NOT_IN) for each in _ancestors(literal)):
                self._link(literal)

    def _link(self, literal: nodes.literal) -> None:
        names = names_of(self.env)
        text = literal.astext()
        if "type" in literal["classes"]:
            literal.clear()
            literal.extend(self._links_of_type(text, names))
        elif target := names.find(text):
            literal.replace_self(self._reference(target, literal.deepcopy()))

    def _links_of_type(self, text: str, names: Names) -> Iterator[nodes.Node]:
        """Yield the parts of a type, of which each name is a link."""
        for part in re.split(r"([A-Za-z_][\w.]*)", text):
            if part in ELSEWHERE:
                yield _elsewhere(part)
            elif target := names.named(part):
                yield self._reference(target, nodes.Text(part))
            else:
                yield nodes.Text(part)

    def _reference(self, target: Target, shown: nodes.Node) -> nodes.reference:
        builder = self.app.builder
        here = self.env.current_document.docname
        return make_refnode(builder, here, *target, shown)


def _elsewhere(name: str) -> nodes.reference:
    """Return a link to where another project describes a name."""
    place = ELSEWHERE[name]
    return nodes.reference("", "", nodes.Text(name), refuri=place, internal=False)


def _ancestors(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


@cache
def names_of(env: BuildEnvironment) -> Names:
    """Return the names of a build, once all of its pages are read."""
    return Names(env)


class TypeRole(SphinxRole):
    """A type, in which each name is a link."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [nodes.literal(self.rawtext, self.text, classes=["type"])], []


class StateRole(SphinxRole):
    """What is known of a server, in a word that has a colour."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        kind = self.text if self.text.isalpha() else "unknown"
        return [nodes.inline(self.rawtext, self.text, classes=["state", kind])], []


def resolve(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, child: nodes.TextElement
) -> nodes.Node | None:
    """Resolve a name of ours in a signature by its short name."""
    target = names_of(env).named(node["reftarget"]) if node.get("refdomain") == "py" else None
    return make_refnode(app.builder, node["refdoc"], *target, child) if target else None


def add_aliases(app: Sphinx, doctree: nodes.document) -> None:
    """Enter asynchronous twins and defining modules of what is described; show `client.`."""
    domain = app.env.domains.python_domain
    for signature in doctree.findall(addnodes.desc_signature):
        name = signature.get("fullname", "")
        if not signature.get("module") or not signature["ids"]:
            continue
        kind = signature.parent["objtype"]
        for alias in aliases(signature["module"], name):
            domain.note_object(alias, kind, signature["ids"][0], aliased=True, location=signature)
        if name.startswith("InngestClient.") and name.count(".") > 1:
            for prefix in signature.findall(addnodes.desc_addname):
                prefix.children = [nodes.Text(prefix.astext().replace("InngestClient", "client"))]


def add_search_words(app: Sphinx, doctree: nodes.document) -> None:
    """Enter the words of conf.py by which a search finds a page, or a section of it, first."""
    for place, words in app.config.search_words.items():
        page, _, anchor = place.partition("#")
        if page == app.env.current_document.docname:
            entries = [("single", each, anchor, "main", None) for each in words.split(", ")]
            doctree.append(addnodes.index(entries=entries))


def describe(
    app: Sphinx,
    pagename: str,
    _template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Describe a page to search engines and previews of links, and name its Markdown."""
    first = doctree and next(doctree.findall(nodes.paragraph), None)
    if not doctree or not first:
        return
    values = {
        "description": first.astext().replace("\n", " "),
        "og:title": app.env.titles[pagename].astext(),
        "og:site_name": app.config.project,
        "og:url": context["pageurl"],
    }
    tags = [
        f'<meta {"property" if ":" in name else "name"}="{name}" content="{escape(text)}">'
        for name, text in values.items()
        if text
    ]
    if pagename != app.config.root_doc and "orphan" not in app.env.metadata[pagename]:
        path = f"{pagename.rpartition('/')[2]}.md"
        tags.append(f'<link rel="alternate" type="text/markdown" href="{path}">')
    context["metatags"] = "\n".join([context["metatags"], *tags])


def aliases(module: str, name: str) -> Iterator[str]:
    """Yield the other names of what is described."""
    top, _, rest = name.partition(".")
    if module != "inngest_rest" or top not in pairs():
        return
    yield ".".join(filter(None, (module, pairs()[top], rest)))
    if top == "InngestClient" and "." in rest:
        group, _, method = rest.partition(".")
        for package in ("client", "aio"):
            yield f"{module}.{package}.{group}.{group.capitalize()}.{method}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register all of it."""
    app.add_config_value("search_words", {}, "env", dict)
    app.add_role("annotation", TypeRole())
    app.add_role("state", StateRole())
    app.add_lexer("waterfall", TextLexer)  # of a trace, as a terminal shows it
    app.add_post_transform(LinkNames)
    app.connect("doctree-read", add_aliases)
    app.connect("doctree-read", add_search_words)
    app.connect("missing-reference", resolve)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
