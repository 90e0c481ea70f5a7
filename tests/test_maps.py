"""The maps of the sources, in CONTRIBUTING.md and in docstrings, are those of the folders."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from tests.support.capabilities import CAPABILITIES, rows

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "wrapper/inngest_rest"
LAYERED = ("_core",)
MAPPED = (*LAYERED, "_local", "_values")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
PLACES = (
    (ROOT / "CONTRIBUTING.md")
    .read_text("utf-8")
    .partition("\nIn `wrapper/inngest_rest/`:\n")[2]
    .partition("\n## ")[0]
)


def modules(folder: Path) -> set[str]:
    """Return the names of the modules and packages in a folder."""
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return modules | {path.parent.name for path in folder.glob("*/__init__.py")}


def docstring_map(package: Path) -> list[str]:
    """Return the modules that the docstring of a package lists, in its order."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    rows = re.findall(r"^ *(\w+(?:, \w+)*)  +\S", docstring, re.MULTILINE)
    return [name for row in rows for name in row.split(", ")]


def contributing_map(room: str) -> list[str]:
    """Return the modules of a room that CONTRIBUTING.md lists, in its order."""
    place = PLACES.partition(f"\n- `{room}/`")[2].partition("\n- ")[0]
    rows = re.findall(r"^  \| (`.+?`) \|", place, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)(?:/|\.py)`", row)]


@pytest.mark.parametrize(
    "package",
    sorted(path.parent for room in MAPPED for path in (PACKAGE / room).rglob("__init__.py")),
    ids=lambda path: path.name,
)
def test_the_docstring_of_a_package_lists_its_modules(package: Path) -> None:
    assert sorted(docstring_map(package)) == sorted(modules(package))


@pytest.mark.parametrize("room", LAYERED)
def test_contributing_lists_the_modules_of_a_room(room: str) -> None:
    assert sorted(contributing_map(room)) == sorted(modules(PACKAGE / room))


@pytest.mark.parametrize(
    "listed", [docstring_map(PACKAGE / "_core"), contributing_map("_core")], ids=["core", "page"]
)
def test_the_modules_of_the_core_are_listed_from_top_to_bottom(listed: list[str]) -> None:
    (contract,) = (
        each for each in CONTRACTS["contracts"] if each.get("containers") == ["inngest_rest._core"]
    )
    layers = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    assert set(listed) == set(chain(*layers))
    depths = [depth for name in listed for depth, layer in enumerate(layers) if name in layer]
    assert depths == sorted(depths)


def test_contributing_names_each_module_of_the_wrapper_and_none_that_is_gone() -> None:
    named = set(re.findall(r"`(\w+)(?:/|\.py)?`", PLACES))
    assert modules(PACKAGE) - named - {*CAPABILITIES} == set()  # each has a docstring of its own
    files = re.findall(r"`(\w+/|\w+\.py)`", PLACES)
    assert [name for name in files if not list(PACKAGE.rglob(name.rstrip("/")))] == []


def test_no_capability_imports_another() -> None:
    for own in CAPABILITIES:
        others = "|".join(name for name in CAPABILITIES if name != own)
        for path in (PACKAGE / own).rglob("*.py"):
            found = re.findall(
                rf"(?:from|import) inngest_rest\.({others})\b", path.read_text("utf-8")
            )
            assert found == [], path


@pytest.mark.parametrize("own", CAPABILITIES)
def test_few_files_outside_its_folders_name_a_capability(own: str) -> None:
    folders = ("wrapper/inngest_rest", "tests")
    own_paths = [f":!{folder}/{own}" for folder in folders]
    own_paths += [f":!docs/guides/{own}.md", f":!tools/inngest_rest_tools/capabilities/{own}.py"]
    named = rf"inngest_rest\.{own}\b|\btests/{own}\b|\bguides/{own}\.md"
    search = ["git", "grep", "-lE", named, "--", ".", ":!wrapper/inngest_rest/client", *own_paths]
    found = subprocess.run(search, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode not in {0, 1}:
        pytest.skip("in a clone with git, its files are searched")
    most = rows("NAMED_OUTSIDE").get(own, 10)
    assert len(found.stdout.splitlines()) <= most, found.stdout


def test_the_layers_hold_without_exceptions() -> None:
    for contract in CONTRACTS["contracts"]:
        assert "ignore_imports" not in contract, contract["name"]
