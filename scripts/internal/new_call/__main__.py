"""Write what is mechanical about a new call, from its operation in openapi/inngest.yaml.

The operation has its `x-call` (runs.archive: 1), its parameters and its schemas there already. Of
these become: the method, the model and its conversion, the row of the table, a contract case that
fails until it is finished, the rows of the pages and the line of the changelog. Nothing that is
there is changed or written twice. Then it prints what is left to think about.

Exit status: 0 written; 2 the document has no such operation, or the call has its row already.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

from inngest_rest._table import ROWS
from tests.contract.document import Document

from . import texts
from .call import NewCall, UnknownOperationError, read

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "wrapper/inngest_rest"

APPS = "[Apps, webhooks and the account](../guides/apps-and-account.md)"

TOOLS = (
    ("inngest_rest._core.arguments", "check_text"),
    ("inngest_rest._core.resources.routes", "fetch_one"),
    ("inngest_rest._core.resources.routes", "list_all"),
    ("inngest_rest.typing", "Paging"),
)
"""What methods use, where they import it."""

LEFT = """\
Left to think about of {call}:
 1. scripts/regenerate writes the operation and the blocking method.
 2. {method}: words and limits of its arguments, the result.
 3. wrapper/inngest_rest/_table.py: its effect, whether it is repeatable, a telling example. It has
    no tool of its own, but is in RARE; all tools together have 5,000 tokens.
 4. wrapper/inngest_rest/testing/_api/{tag}: a handler of the mock in HANDLERS; QUERIES, BODIES.
 5. scripts/record: its recordings, which then say what is missing.
 6. {case}: what a server does, which the last test there leaves open.
 7. CHANGELOG.md, docs/reference/calls.md and a guide: what it is for.
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/new-call", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("operation", help="its operationId, such as getRunV2")
    tree = Tree(ROOT)
    try:
        left = write(tree, Document.load(), parser.parse_args().operation)
    except UnknownOperationError as error:
        print(error, file=sys.stderr)
        return 2
    tree.save()
    print(*(f"wrote {path}" for path in sorted(tree.changed)), left, sep="\n", end="")
    paths = [str(ROOT / path) for path in tree.changed if path.endswith((".py", ".pyi"))]
    for words in ("check --quiet --fix --select I", "format --quiet"):
        subprocess.run([sys.executable, "-m", "ruff", *words.split(), *paths], check=True)
    return 0


def write(tree: Tree, document: Document, operation: str) -> str:
    """Write the calls of an operation; return what is left to think about."""
    left = ""
    for call in read(document, operation, {row.name for row in ROWS}):
        method = write_method(tree, call)
        write_row(tree, call)
        case = write_case(tree, call)
        write_pages(tree, call)
        left += LEFT.format(call=call.name, method=method, case=case, tag=call.tag)
    return left


class Tree:
    """The files of the repository, changed in memory until they are saved."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.changed: dict[str, str] = {}

    def text(self, path: str) -> str:
        """Return the text of a file."""
        return self.changed.get(path) or (self._root / path).read_text(encoding="utf-8")

    def has(self, path: str) -> bool:
        """Return whether there is a file."""
        return path in self.changed or (self._root / path).exists()

    def insert(self, path: str, pattern: str, new: str) -> None:
        """Insert a text behind the last place of a file that matches."""
        text = self.text(path)
        ends = [found.end() for found in re.finditer(pattern, text, re.MULTILINE)]
        if not ends:
            raise UnknownOperationError(f"{path} has no place for it: nothing is like {pattern}")
        self.changed[path] = text[: ends[-1]] + new + text[ends[-1] :]

    def save(self) -> None:
        """Write what was changed."""
        for path, text in self.changed.items():
            (self._root / path).write_text(text, encoding="utf-8")


def write_method(tree: Tree, call: NewCall) -> str:
    """Write the method, its model and its conversion; return the module of the method."""
    group = call.group.capitalize()
    modules = [f"{PACKAGE}/aio/{name}.py" for name in ("runs", "events", "apps", "cloud")]
    place = next(
        (
            (module, node.end_lineno)
            for module in modules
            for node in ast.parse(tree.text(module)).body
            if isinstance(node, ast.ClassDef) and node.name == group
        ),
        None,
    )
    if place is None:
        raise UnknownOperationError(f"No class {group} is in {PACKAGE}/aio: write it, and GROUPS.")
    module, end = place
    convert, imports = write_model(tree, call, is_of_cloud=module.endswith("cloud.py"))
    lines = tree.text(module).splitlines(keepends=True)
    lines.insert(end or 0, "\n" + texts.method(call, convert))
    text = "".join(lines)
    imports += [
        f"from {source} import {name}\n"
        for source, name in TOOLS
        if re.search(rf"\b{name}\b", texts.method(call, convert))
    ]
    text = text.replace("\nif TYPE_CHECKING:\n", f"\n{''.join(imports)}\nif TYPE_CHECKING:\n", 1)
    tree.changed[module] = text
    if call.model is not None:
        name = f"    from inngest_rest.models import {call.model.name}\n"
        tree.insert(module, r"\nif TYPE_CHECKING:\n", name)
    return module


def write_model(tree: Tree, call: NewCall, *, is_of_cloud: bool) -> tuple[str, list[str]]:
    """Write the model and its conversion; return what converts, and the import that it needs."""
    found = call.model
    if found is None:
        return "nothing", ["from inngest_rest._core.calls.route import nothing\n"]
    if f"\nclass {found.name}(" not in tree.text(f"{PACKAGE}/models.py"):
        tree.insert(f"{PACKAGE}/models.py", r"\Z", f"\n\n{texts.model(found)}")
        tree.insert(f"{PACKAGE}/__init__.py", r'Variant Webhook(?="\n)', f" {found.name}")
        name = f"from inngest_rest.models import {found.name} as {found.name}\n"
        tree.insert(f"{PACKAGE}/__init__.pyi", r"^from inngest_rest.models import .*\n", name)
    module = "cloud" if is_of_cloud else f"{call.group.removesuffix('s')}_{texts.singular(found)}s"
    path = f"{PACKAGE}/_core/resources/{module}.py"
    if not tree.has(path):
        about = found.about[0].lower() + found.about[1:].removesuffix(".")
        tree.changed[path] = texts.CONVERSIONS.format(about=found.about)
        tree.insert(
            f"{PACKAGE}/_core/resources/__init__.py", r"^trace .*\n", f"{module:14}{about}\n"
        )
    name, is_list = texts.converter(found), found.is_list and not call.is_paged
    if f"\n{name} = " not in tree.text(path):
        tree.insert(path, r"\Z", f"\n{texts.conversion(found)}")
    if is_list and f"def {name}s(" not in tree.text(path):
        tree.insert(path, r"\Z", f"\n\n{texts.conversion_of_list(found, call.tag.upper())}")
    needed = f"from inngest_rest._core.resources import {module}\n"
    return f"{module}.{name}{'s' if is_list else ''}", [needed]


def write_row(tree: Tree, call: NewCall) -> None:
    """Write the row of the table, with the others of its group, and name the call in RARE."""
    path = f"{PACKAGE}/_table.py"
    tree.insert(
        path, rf'^    _\w+\(\s*"{call.group}\.(?:.*\n)(?:    (?:    .*|\))\n)*', texts.row(call)
    )
    if not call.is_cloud_only:
        tree.insert(path, r"^RARE = OF_CLOUD \| \{\n", f'    "{call.name}",\n')


def write_case(tree: Tree, call: NewCall) -> str:
    """Write a contract case that fails until it is finished; return its module."""
    path = f"tests/contract/cases/test_{'runs' if call.group == 'runs' else 'rest'}.py"
    tree.insert(path, r"\Z", f"\n\n{texts.case(call)}")
    return path


def write_pages(tree: Tree, call: NewCall) -> None:
    """Name the call on the two pages of calls, and in the changelog."""
    what = call.summary[0].lower() + call.summary[1:].removesuffix(".")
    page = "[Runs](../guides/runs.md)" if call.group == "runs" else APPS
    tree.insert(
        "docs/reference/calls.md",
        rf"^\| .*`client\.{call.group}\..*\n",
        f"| {what} | `client.{call.name}` | {page} |\n",
    )
    other = "v1" if call.tag == "v2" else "v2"
    rows = rf"^\| [^|]*`(?=[^|]*\| {call.tag} \| {other} has no such route)"
    if f"`{call.group}`" not in tree.text("docs/reference/routes-and-servers.md"):
        tree.insert("docs/reference/routes-and-servers.md", rows, f", `{call.name}`")
    command = f"inngest-rest {call.name.replace('.', ' ').replace('_', '-')}"
    line = f"- `client.{call.name}`, in a terminal `{command}`: {what}.\n"
    tree.insert("CHANGELOG.md", r"^### Runs and events\n\n", line)


if __name__ == "__main__":
    sys.exit(main())
