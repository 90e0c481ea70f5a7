"""The program as a process enters it: its arguments, its streams and its exit."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import runpy
import sys
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

import pytest

import inngest_rest_tools
from inngest_rest_tools import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Main(Protocol):
    def __call__(self, *tokens: str, entry: Callable[[], object] = ...) -> object: ...


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Main:
    """Run the program with arguments, and return its exit status."""

    def main(*tokens: str, entry: Callable[[], object] = command.main) -> object:
        monkeypatch.setattr(sys, "argv", ["inngest-rest", *tokens])
        with pytest.raises(SystemExit) as exit:
            entry()
        return exit.value.code

    monkeypatch.setattr(gc, "freeze", lambda: None)
    return main


class Loader:
    """Raises an error where the program loads its commands."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def find_spec(self, name: str, *_: object) -> None:
        if name == "inngest_rest_tools.command.program":
            raise self._error


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let an error come of loading the commands."""

    def raise_while_loading(error: BaseException) -> None:
        monkeypatch.delitem(sys.modules, "inngest_rest_tools.command.program")
        monkeypatch.setattr(sys, "meta_path", [Loader(error), *sys.meta_path])

    return raise_while_loading


@pytest.mark.parametrize(
    "entry",
    [
        command.main,
        partial(
            runpy.run_path, f"{inngest_rest_tools.__path__[0]}/__main__.py", run_name="__main__"
        ),
    ],
    ids=["script", "module"],
)
@pytest.mark.parametrize(("tokens", "status"), [(["schema"], 0), (["shcema"], 2)])
def test_the_process_ends_with_the_status_of_the_command(
    tokens: list[str], status: int, entry: Callable[[], object], main: Main
) -> None:
    assert main(*tokens, entry=entry) == status


def test_what_is_left_at_the_exit_is_not_searched_for_garbage(
    main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append("all"))
    main("schema")
    assert frozen == ["all"]


@pytest.mark.parametrize(
    ("name", "tokens", "extra"),
    [
        ("rich.console", ["schema", "-o", "table"], "cli"),
        ("shtab", ["completion", "bash"], "cli"),
        ("mcp.server.lowlevel", ["mcp", "--dev"], "mcp"),
    ],
    ids=["rich", "shtab", "mcp"],
)
def test_a_package_of_the_extra_that_is_missing_is_named_with_what_installs_it(
    name: str,
    tokens: list[str],
    extra: str,
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in ("local", "tables"):  # they import it
        monkeypatch.delitem(sys.modules, f"{command.__name__}.{module}", raising=False)
        monkeypatch.delattr(command, module, raising=False)
    for module in ("mcp_server", "tools"):
        monkeypatch.delitem(sys.modules, f"{inngest_rest_tools.__name__}.{module}", raising=False)
        monkeypatch.delattr(inngest_rest_tools, module, raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    assert main(*tokens) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"(no module named {name})" in err
    assert f"pip install 'inngest-rest[{extra}]'" in err


@pytest.mark.parametrize(
    ("file", "how"),
    [
        ("uv-receipt.toml", "uv tool install 'inngest-rest[all]'"),
        ("pipx_metadata.json", "pipx inject inngest-rest 'inngest-rest[explain]'"),
    ],
    ids=["uv", "pipx"],
)
def test_a_missing_extra_is_installed_by_what_made_the_environment(
    file: str,
    how: str,
    main: Main,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / file).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setitem(sys.modules, "cel", None)
    assert main("runs", "list", "--dev", "--where", "event.data.n == 1") == 2
    assert how in capsys.readouterr().out


@pytest.mark.parametrize("name", ["msgspec", None])
def test_another_module_that_is_missing_is_not_told_as_the_extra(
    name: str | None, main: Main, loading: Callable[[BaseException], None]
) -> None:
    loading(ModuleNotFoundError(name=name))
    with pytest.raises(ModuleNotFoundError):
        main("schema")


def test_130_if_it_is_interrupted_while_it_loads(
    main: Main, loading: Callable[[BaseException], None]
) -> None:
    loading(KeyboardInterrupt())
    assert main("schema") == 130


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_is_written_is_utf_8_whatever_the_stream_was_opened_as(
    name: str, main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, name, io.TextIOWrapper(written, encoding="ascii"))
    assert main("shém\udcffa", "-o", "json" if name == "stdout" else "table") == 2
    getattr(sys, name).flush()
    text = written.getvalue().decode("utf-8")
    assert "shém" in text
    assert "\\udcffa" in text


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_done_without(
    name: str, main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, name, None)
    assert main("shcema") == 2
    getattr(sys, name).close()


def test_a_stream_that_a_program_has_put_in_place_is_written_to_as_it_is(main: Main) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        assert main("skill", "show", "--version") == 0
    assert stream.getvalue() == f"{version('inngest-rest')}\n"


@pytest.mark.parametrize(
    "tokens", [["skill", "show"], ["skill", "show", "--version"], ["runs", "list", "--help"]]
)
def test_what_nobody_reads_ends_quietly(
    tokens: list[str], main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stream:  # noqa: PTH123 - closed as the interpreter does
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(*tokens) == 141
