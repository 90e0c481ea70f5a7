"""scripts/regenerate --check: any difference from what the document yields is caught and named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "regenerate.py"
GENERATED = ROOT / "generated" / "inngest_rest_api"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Give a copy of what is committed."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(GENERATED, tmp_path / GENERATED.name, ignore=ignored))


def regenerate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_committed_is_what_the_document_yields() -> None:
    done = regenerate("--check")
    assert done.returncode == 0, done.stderr
    assert "generated/ is what the document yields\n" in done.stdout


def test_every_difference_is_named_and_how_to_mend_it(package: Path) -> None:
    (package / "models" / "v1_run.py").write_text("changed\n", encoding="utf-8")
    (package / "api" / "v2" / "get_app_v2.py").unlink()
    (package / "py.typed").unlink()
    (package / "models" / "stale.py").touch()
    (package / "stale.py").touch()
    before = sorted(package.rglob("*"))
    done = regenerate("--check", "--target", package)
    assert done.returncode == 1
    told = [
        "generated/ is not what the document yields:",
        "  changed  models/v1_run.py",
        "  extra    models/stale.py",
        "  extra    stale.py",
        "  missing  api/v2/get_app_v2.py",
        "  missing  py.typed",
        "To bring it up to date, type: scripts/regenerate",
    ]
    assert "\n".join(told) in done.stderr
    assert sorted(package.rglob("*")) == before
    assert (package / "models" / "v1_run.py").read_text(encoding="utf-8") == "changed\n"


def test_regenerating_mends_every_difference(package: Path) -> None:
    (package / "models" / "v1_run.py").unlink()
    (package / "stale.py").touch()
    done = regenerate("--target", package)
    assert done.returncode == 0
    assert "2 files of " in done.stdout
    assert regenerate("--check", "--target", package).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("operationId: getHealth\n", "operationId: askHealth\n", 1),
        ("openapi: 3.1.1", "openapi: nonsense", 2),
        ("application/json", "application/xml", 2),
    ],
    ids=["changed", "no document", "a warning"],
)
def test_a_document_that_changed_is_caught_and_a_bad_one_writes_nothing(
    package: Path, tmp_path: Path, old: str, new: str, code: int
) -> None:
    source = Path(shutil.copytree(ROOT / "openapi", tmp_path / "openapi"))
    document = source / "inngest.yaml"
    text = document.read_text(encoding="utf-8")
    assert old in text
    document.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = regenerate("--check", "--source", source, "--target", package)
    assert done.returncode == code
    if code == 1:
        assert "missing  api/ingest/ask_health.py" in done.stderr
    else:
        assert "Nothing was written" in done.stderr
        assert regenerate("--source", source, "--target", package).returncode == code
        assert (package / "models" / "v1_run.py").exists()
