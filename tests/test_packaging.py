"""One distribution with two typed packages, and a version that is written once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

import inngest_rest
from tests.support.distribution import distributed_files
from tests.support.server import recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Connect
    from tests.support.server import Server

ROOT = Path(__file__).parent.parent
PROJECT: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_wheel_holds_each_package_and_says_that_it_is_typed() -> None:
    builder = WheelBuilder(str(ROOT))
    files = {each.distribution_path for each in builder.recurse_included_files()}
    tops = {each.partition("/")[0] for each in files}
    names = ("", "_api", "_mock", "_pytest", "_tools")
    assert tops == {f"inngest_rest{name}" for name in names}
    assert {f"{each}/py.typed" for each in tops} <= files
    assert {f"{each}/__init__.py" for each in tops} <= files
    assert not [each for each in files if "__pycache__" in each or each.endswith(".pyc")]


def test_the_document_is_in_the_wheel_and_is_the_one_of_the_repository(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import inngest_rest_api as it; "
    code += "print(it.__file__, file=sys.stderr); sys.stdout.write(it.openapi())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert str(wheel) in run.stderr.decode()
    document = yaml.safe_load((ROOT / "openapi" / "inngest.yaml").read_text(encoding="utf-8"))
    assert json.loads(run.stdout) == document


def test_the_source_distribution_holds_every_document_and_what_it_links_to() -> None:
    files = distributed_files()
    notes = [
        ROOT / folder / "README.md"
        for folder in ("openapi/templates", "scripts/internal/benchmark")
    ]
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *notes]
    linked = {
        (document.parent / target).resolve().relative_to(ROOT)
        for document in documents
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    }
    wanted = {each.relative_to(ROOT) for each in documents} | linked
    held = {parent for each in files for parent in (Path(each), *Path(each).parents)}
    assert sorted(wanted - held - {Path("LICENSE")}) == []


def test_the_description_on_pypi_has_no_link_that_leads_nowhere() -> None:
    """The README links to files of the repository, which PyPI does not have."""
    shown = WheelBuilder(str(ROOT)).metadata.core.readme
    targets = re.findall(r"\]\(([^)\s]+)\)", shown)
    assert targets
    assert [each for each in targets if not each.startswith("https://")] == []
    assert "Sending" in shown


PLUGIN = "tools/inngest_rest_tools/.agents"

# Users copy the skill into their projects.
LICENCES = {
    "pyproject.toml": "MIT",
    "mcp-server/pyproject.toml": "MIT",
    "mcp-server/manifest.json": "MIT",
    "scripts/internal/release/recipe.yaml": "MIT",
    ".claude-plugin/marketplace.json": "MIT-0",
    f"{PLUGIN}/plugin.json": "MIT-0",
    f"{PLUGIN}/.claude-plugin/plugin.json": "MIT-0",
    f"{PLUGIN}/.codex-plugin/plugin.json": "MIT-0",
    f"{PLUGIN}/skills/inngest/SKILL.md": "MIT-0",
}


def test_each_file_that_states_our_licence_states_the_same() -> None:
    stated = re.compile(r"""(?m)^ *"?license"?\s*[:=]\s*"?([\w.-]+)""")
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in LICENCES}
    assert {name: set(stated.findall(text)) for name, text in texts.items()} == {
        name: {licence} for name, licence in LICENCES.items()
    }


def requirements() -> Iterator[Requirement]:
    """Yield what pyproject.toml asks for: to run, in each extra and in each group."""
    asked = [*PROJECT["project"]["dependencies"]]
    for each in PROJECT["project"]["optional-dependencies"].values():
        asked += each
    for group in PROJECT["dependency-groups"].values():
        asked += [each for each in group if isinstance(each, str)]
    yield from (Requirement(each) for each in asked if not each.startswith("inngest-rest["))


def test_every_requirement_is_locked() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
    unlocked = [str(it) for it in requirements() if locked.get(it.name, "") not in it.specifier]
    assert unlocked == [], "run scripts/lock, which writes constraints.txt"


def test_the_version_is_written_once() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", inngest_rest.__version__)
    assert WheelBuilder(str(ROOT)).metadata.version == inngest_rest.__version__
    assert "version" in PROJECT["project"]["dynamic"]


def test_the_version_is_told_to_the_server(connect: Connect, server: Server) -> None:
    server.on("GET /health", recorded("health"))
    connect().health()
    assert server.requests[0].headers["user-agent"] == f"inngest-rest/{inngest_rest.__version__}"


def test_what_is_needed_at_run_time_is_little() -> None:
    needed = {re.match(r"[\w-]+", each)[0] for each in PROJECT["project"]["dependencies"]}  # type: ignore[index]
    assert needed == {"attrs", "httpcore", "httpx", "msgspec", "sniffio", "xxhash"}
    assert PROJECT["project"]["requires-python"] == ">=3.11"
