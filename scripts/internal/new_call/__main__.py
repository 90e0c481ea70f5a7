"""Write the method and the model of a new call, from its operation in openapi/inngest.yaml.

The operation has its `x-call` (runs.archive: 1), its parameters and its schemas there already; the
words and types of these are what takes long to type. Then it prints what is left to do.

Exit status: 0 written; 2 the document has no such operation, or the call has its row already.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path

from inngest_rest._table import ROWS
from tests.contract.document import Document

from .call import method, model_of

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "wrapper/inngest_rest"
MODELS = f"{PACKAGE}/models.py"
GROUPS = tuple(f"{PACKAGE}/aio/{name}.py" for name in ("runs", "events", "apps", "cloud"))

LEFT = """\
Left to do of {call}, before the third step of "Add a call" in CONTRIBUTING.md:
- {module}: the imports, which `ruff check` names; a listing also takes what is in `Paging`.
- {PACKAGE}/_core/resources: what converts a response, mostly `partial(record, models.X)`.
- {PACKAGE}/__init__.py and __init__.pyi: the model.
- scripts/regenerate, which writes the operation and the blocking method.
"""


class UnknownOperationError(Exception):
    """The document has no such operation, or no call that it serves alone."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/new-call", description=__doc__)
    parser.add_argument("operation", help="its operationId, such as getRunV2")
    changed: dict[str, str] = {}
    try:
        left = write(changed, Document.load(), parser.parse_args().operation)
    except UnknownOperationError as error:
        print(error, file=sys.stderr)
        return 2
    for path, text in changed.items():
        (ROOT / path).write_text(text, encoding="utf-8")
    print(*(f"wrote {path}" for path in sorted(changed)), left, sep="\n", end="")
    return 0


def write(changed: dict[str, str], document: Document, id: str) -> str:
    """Write the calls of an operation into texts of files, by path; return what is left to do."""
    operation = next((each for each in document.operations if each.id == id), None)
    if operation is None:
        raise UnknownOperationError(f"openapi/inngest.yaml has no operationId {id}.")
    own = document.spec["paths"][operation.path][operation.method]
    known = {row.name for row in ROWS}
    names = [name for name in own.get("x-call", {}) if name not in known and "." in name]
    if not names:
        raise UnknownOperationError(
            f"{id} names no call of a group that has no row yet: its x-call is "
            f"{own.get('x-call')}, such as {{runs.archive: 1}}."
        )
    model, models = model_of(document, operation), _text(changed, MODELS)
    if model.name and f"\nclass {model.name}(" not in models:
        changed[MODELS] = f"{models}\n\n{model.text}"
    left = ""
    for name in names:
        text = method(document, operation, name, own["summary"])
        module = _write_method(changed, name.partition(".")[0].capitalize(), text)
        left += LEFT.format(call=name, module=module, PACKAGE=PACKAGE)
    return left


def _text(changed: dict[str, str], path: str) -> str:
    return changed.get(path) or (ROOT / path).read_text(encoding="utf-8")


def _write_method(changed: dict[str, str], group: str, method: str) -> str:
    """Write a method at the end of its class; return the module."""
    for module in GROUPS:
        text = _text(changed, module)
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name == group:
                lines = text.splitlines(keepends=True)
                lines.insert(node.end_lineno or 0, f"\n{method}")
                changed[module] = "".join(lines)
                return module
    raise UnknownOperationError(f"No class {group} is in {PACKAGE}/aio: write it, and GROUPS.")


if __name__ == "__main__":
    sys.exit(main())
