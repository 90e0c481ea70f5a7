"""The programs of this repository: how they use each other."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def imported_by(path: Path) -> set[str]:
    """Return what a module may import from scripts/, for type checkers alone as well."""
    return {
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scripts.")
        for name in (node.module or "", *(f"{node.module}.{each.name}" for each in node.names))
    }


def test_no_two_modules_of_scripts_import_each_other() -> None:
    paths = ROOT.glob("scripts/internal/**/*.py")
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    uses = {name: imported_by(path) & modules.keys() for name, path in modules.items()}
    assert len(list(TopologicalSorter(uses).static_order())) == len(modules) > 30
