"""What the document states is held: taking a statement back needs a hand in openapi/held.txt."""

from __future__ import annotations

import copy
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from scripts.internal.regeneration import __main__ as regeneration
from scripts.internal.regeneration import held
from scripts.internal.regeneration.api_client import DOCUMENT
from tests.scripts.api_edits import SPEC, operation, schemas

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Each makes the document say less, and is what no recording could contradict.
WEAKENINGS: dict[str, tuple[Callable[[Any], object], str]] = {
    "a required property becomes optional": (
        lambda it: schemas(it)["Run"]["required"].remove("id"),
        "Run.id required",
    ),
    "a pattern goes": (
        lambda it: schemas(it)["Run"]["properties"]["at"].pop("pattern"),
        'Run.at pattern "^[0-9]+$"',
    ),
    "a maximum goes": (
        lambda it: operation(it)["parameters"][0]["schema"].pop("maximum"),
        "changeRun query parameter limit maximum 40",
    ),
    "a limit of items goes": (
        lambda it: schemas(it)["Run"]["properties"]["steps"]["items"].pop("minLength"),
        "Run.steps[] minLength 1",
    ),
    "a status goes": (
        lambda it: operation(it)["responses"].pop("404"),
        "changeRun 404",
    ),
    "a permission is another one": (
        lambda it: operation(it).update({"x-permission": "runs:read"}),
        "changeRun x-permission runs:write",
    ),
    "a type goes": (
        lambda it: schemas(it)["Run"]["properties"]["at"].pop("type"),
        "Run.at type string",
    ),
    "a type of named free properties goes": (
        lambda it: schemas(it)["Run"]["properties"]["labels"].update(additionalProperties=True),
        "Run.labels.* type string",
    ),
    "a text of some values has any": (
        lambda it: schemas(it)["State"]["enum"].remove("ENDED"),
        "State value ENDED",
    ),
    "a release goes": (lambda it: operation(it).pop("x-since"), "changeRun x-since 1.2.0"),
    "a body need not be sent": (
        lambda it: operation(it)["requestBody"].pop("required"),
        "changeRun body required",
    ),
    "no key is needed": (
        lambda it: operation(it).update(security=[]),
        "changeRun takes a key",
    ),
}


@pytest.fixture
def spec() -> Any:
    spec = copy.deepcopy(SPEC)
    operation(spec)["x-since"] = "1.2.0"
    operation(spec)["requestBody"]["required"] = True
    run = schemas(spec)["Run"]["properties"]
    run["at"]["pattern"] = "^[0-9]+$"
    run["steps"]["items"]["minLength"] = 1
    return spec


@pytest.fixture
def root(tmp_path: Path, spec: Any) -> Path:
    """Return a repository whose one commit states what the document says."""
    (tmp_path / "openapi").mkdir()
    write(tmp_path, spec)
    held.write(tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-qm", "first")
    return tmp_path


def git(root: Path, *command: str) -> None:
    subprocess.run(["git", "-C", root, *command], check=True)


def write(root: Path, spec: Any) -> None:
    (root / DOCUMENT).write_text(yaml.safe_dump(spec), encoding="utf-8")


@pytest.mark.parametrize("weakening", WEAKENINGS)
def test_what_is_no_longer_stated_is_named(weakening: str, root: Path, spec: Any) -> None:
    edit, line = WEAKENINGS[weakening]
    edit(spec)
    write(root, spec)
    assert line in held.gone(root)


def test_a_refusal_is_all_that_is_printed_on_both_streams(
    root: Path, spec: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del operation(spec)["responses"]["404"]
    write(root, spec)
    kept = (root / held.FILE).read_text(encoding="utf-8")
    monkeypatch.setattr(regeneration, "OUTPUTS", ())
    for options in ([], ["--check"]):
        monkeypatch.setattr("sys.argv", ["regenerate", "--root", str(root), *options])
        assert regeneration.main() == regeneration.REFUSED
        told = capsys.readouterr()
        assert told.out == told.err
        assert told.out.startswith("Nothing was written: openapi/inngest.yaml no longer states\n")
        assert "\n  changeRun 404\n" in told.out
        assert "remove these lines from openapi/held.txt" in told.out
    assert (root / held.FILE).read_text(encoding="utf-8") == kept


def test_what_was_taken_back_by_hand_is_gone(root: Path, spec: Any) -> None:
    del operation(spec)["responses"]["404"]
    write(root, spec)
    kept = (root / held.FILE).read_text(encoding="utf-8").splitlines()
    rest = [line for line in kept if not line.startswith("changeRun 404")]
    (root / held.FILE).write_text("\n".join(rest), encoding="utf-8")
    assert held.gone(root) == []
    assert held.check(root)


def test_a_draft_is_changed_freely(
    root: Path, spec: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas(spec)["Run"]["required"].append("at")
    write(root, spec)
    assert not held.check(root)
    assert "held.txt lacks what openapi/inngest.yaml states:\n  Run.at required\n" in (
        capsys.readouterr().err
    )
    held.write(root)
    assert held.check(root)
    schemas(spec)["Run"]["required"].remove("at")
    write(root, spec)
    assert held.gone(root) == []
    assert not held.check(root)
    held.write(root)
    assert held.check(root)


def test_what_was_committed_on_the_main_branch_of_the_remote_counts_not_the_last_commit(
    root: Path, spec: Any
) -> None:
    git(root, "update-ref", "refs/remotes/origin/HEAD", "HEAD")
    operation(spec)["responses"]["418"] = {"description": "A draft."}
    write(root, spec)
    held.write(root)
    git(root, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-qam", "draft")
    del operation(spec)["responses"]["418"]
    write(root, spec)
    assert held.gone(root) == []


def test_a_schema_that_says_nothing_takes_a_type_without_a_hand(root: Path, spec: Any) -> None:
    schemas(spec)["Run"]["properties"]["output"] = {"type": "string"}
    write(root, spec)
    assert held.gone(root) == []
