"""scripts/regenerate: --check names each difference, and regenerating removes all of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.internal.regeneration import blocking_client
from scripts.internal.regeneration.__main__ import OUTPUTS, REFUSED, UNUSABLE, regenerate

ROOT = Path(__file__).parents[2]
CLIENT = Path(blocking_client.PACKAGE)
AIO = Path(blocking_client.SOURCE)
BLOCKING_CLIENT = [each for each in OUTPUTS if each.package == blocking_client.PACKAGE]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Copy what is committed."""
    for folder in ("openapi", "generated", "wrapper", "docs/reference"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


def run_script(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.internal.regeneration", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def contents(root: Path) -> dict[Path, bytes]:
    """Return all files but those that an import leaves."""
    files = (each for each in root.rglob("*.*") if each.is_file() and each.suffix != ".pyc")
    return {each: each.read_bytes() for each in files}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_every_difference_is_named_and_removed_by_regenerating(root: Path) -> None:
    whole = contents(root)
    package = root / "generated" / "inngest_rest_api"
    (package / "models" / "v1_run.py").write_text("changed\n", encoding="utf-8")
    (package / "api" / "v2" / "get_app_v2.py").unlink()
    (package / "py.typed").unlink()
    (package / "models" / "stale.py").touch()
    (package / "stale.py").touch()
    edit(root / CLIENT / "runs.py", "newest first", "oldest first")
    edit(root / CLIENT / "summaries.json", "List runs", "List")
    (root / CLIENT / "apps.py").unlink()
    (root / CLIENT / "stray.py").touch()
    before = contents(root)
    done = run_script("--check", "--root", root)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "generated/inngest_rest_api is not what openapi/inngest.yaml yields:",
        "  changed  models/v1_run.py",
        "  extra    models/stale.py",
        "  extra    stale.py",
        "  missing  api/v2/get_app_v2.py",
        "  missing  py.typed",
        "wrapper/inngest_rest/client is not what wrapper/inngest_rest/aio yields:",
        "  changed  runs.py",
        "  changed  summaries.json",
        "  extra    stray.py",
        "  missing  apps.py",
        "To bring it up to date, run: scripts/regenerate",
    ]
    assert contents(root) == before
    done = run_script("--root", root)
    assert done.returncode == 0
    assert "5 files of generated/inngest_rest_api changed" in done.stdout
    assert "4 files of wrapper/inngest_rest/client changed" in done.stdout
    assert contents(root) == whole


def test_a_changed_document_is_noticed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(
        root / "openapi" / "inngest.yaml", "summary: Ask whether the server is up\n", "summary: X\n"
    )
    assert regenerate(root, OUTPUTS, check=True) == 1
    assert "changed  api/ingest/get_health.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("operationId: getHealth\n", "operationId: getDevInfo\n"),
        ("openapi: 3.1.1", "openapi: nonsense"),
        ("openapi: 3.1.1", "openapi: ["),
        ("application/json", "application/xml"),
    ],
    ids=["one id twice", "no document", "not YAML", "a warning"],
)
def test_of_a_bad_document_nothing_is_written(
    root: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(root / "openapi" / "inngest.yaml", old, new)
    (root / CLIENT / "runs.py").unlink()
    before = contents(root)
    assert regenerate(root, OUTPUTS, check=False) == UNUSABLE
    assert "Nothing was written" in capsys.readouterr().err
    assert contents(root) == before


def test_an_operation_that_lacks_something_is_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(root / "openapi" / "inngest.yaml", "operationId: getHealth\n", "operationId: ''\n")
    assert regenerate(root, OUTPUTS, check=True) == 2
    assert "inngest.yaml: GET /health has no operationId" in capsys.readouterr().err


def test_a_route_that_is_gone_before_it_came_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    since = "x-since: 1.39.0\n"
    edit(root / "openapi" / "inngest.yaml", since, f"{since}      x-until: 1.9.0\n")
    assert regenerate(root, OUTPUTS, check=True) == 2
    told = "cancel post has x-until 1.9.0, which is not after its x-since 1.39.0"
    assert told in capsys.readouterr().err


def test_nothing_is_written_if_the_document_states_less(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(root / "openapi" / "inngest.yaml", "            maximum: 40\n", "")
    assert regenerate(root, BLOCKING_CLIENT, check=False) == REFUSED
    assert "  listEventRunsV2 query parameter limit maximum 40\n" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["1", "3"])
def test_operations_of_a_call_without_an_order_are_named(
    root: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    edit(root / "openapi" / "inngest.yaml", "{runs.list: 2}", f"{{runs.list: {place}}}")
    assert regenerate(root, OUTPUTS, check=True) == 2
    told = f"listRunsV1 has {place} and listRunsV2 has 1"
    assert f"x-call of runs.list does not number its operations: {told}" in capsys.readouterr().err


@pytest.mark.parametrize("table", ["CODE", "WORDS"])
def test_a_substitution_that_matches_nothing_is_an_error(
    root: Path, table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(getattr(blocking_client, table), "AsyncNonsense", "Nonsense")
    (root / CLIENT / "runs.py").unlink()
    assert regenerate(root, BLOCKING_CLIENT, check=False) == 2
    told = capsys.readouterr().err
    assert "nothing in wrapper/inngest_rest/aio matches 'AsyncNonsense'" in told
    assert "scripts/internal/regeneration/blocking_client.py" in told
    assert not (root / CLIENT / "runs.py").exists()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("async def f() -> None:\n    await g(await h())\n", "def f() -> None:\n    g(h())\n"),
        ("x = awaited, asyncio, aclosed\n", "x = awaited, asyncio, aclosed\n"),
        ("async with a:\n    b.aclose()\n", "with a:\n    b.close()\n"),
        ('"""Iterate with `async for`; await it."""\n', '"""Iterate with `for`; await it."""\n'),
        (
            "def f(it: Iterable[EventLike] | AsyncIterable[EventLike]): ...\n",
            "def f(it: Iterable[EventLike] ): ...\n",
        ),
    ],
    ids=["keywords", "parts of names", "names", "phrases of strings", "sequences"],
)
def test_whole_tokens_of_code_and_phrases_of_strings_are_substituted(
    source: str, wanted: str
) -> None:
    assert blocking_client.translate(source, set()) == wanted


def test_each_generated_module_names_its_source_and_nothing_asynchronous_is_left() -> None:
    written = set()
    for module in (ROOT / CLIENT).rglob("*.py"):
        banner, _, text = module.read_text(encoding="utf-8").partition("\n")
        name = module.relative_to(ROOT / CLIENT).as_posix()
        source = "openapi/inngest.yaml" if name.startswith("generated") else f"aio/{name}"
        assert f"{source}: change that, not this file" in banner
        assert not re.search(r"async|await|aio\b|aclose|__a[ei]", text, re.IGNORECASE)
        written.add(name)
    sources = (ROOT / AIO).rglob("*.py")
    assert written == {each.relative_to(ROOT / AIO).as_posix() for each in sources}
