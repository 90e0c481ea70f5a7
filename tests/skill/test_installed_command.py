"""An agent does its jobs through the command as it is installed from the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from inngest_rest_mock import MockServer, completes, fails, sleeps
from tests.support import agent

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; return the folder of its commands.

    What the package depends on is taken from the environment of the tests, without the network.
    """
    pytest.importorskip("pip", reason="pip, which `python -m ensurepip` installs, is not here")
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    venv.create(folder / "venv", with_pip=False)
    paths = sysconfig.get_paths(vars={"base": str(folder / "venv"), "platbase": "unused"})
    python = Path(paths["scripts"], "python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    installed = subprocess.run(
        [*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    # Without what that environment has for the sources: only a site's own .pth files are read.
    dependencies = Path(paths["purelib"], "dependencies.pth")
    dependencies.write_text(f"{sysconfig.get_paths()['purelib']}\n", encoding="utf-8")
    return Path(paths["scripts"])


def test_an_agent_does_all_its_jobs(scripts: Path, tmp_path: Path) -> None:
    mock = MockServer()
    mock.function("shop", "echoes", trigger="shop/echoes", run=completes({"paid": 1}))
    mock.function("shop", "fails", trigger="shop/fails", run=fails("no stock"))
    mock.function("shop", "sleeps", trigger="shop/sleeps", run=sleeps(timedelta(hours=1)))
    with mock.serve() as url:
        since = datetime.now(UTC) - timedelta(minutes=5)
        shop = agent.Shop("shop", since.isoformat(), pause=lambda: None)
        execute = agent.installed(scripts / "inngest-rest", {"INNGEST_DEV": url})
        agent.play(execute, shop, tmp_path)
    assert len(mock.events) == 603


def test_the_command_is_the_one_of_the_wheel(scripts: Path) -> None:
    code = (
        "import inngest_rest, inngest_rest_api as api; print(inngest_rest.__file__, api.__file__)"
    )
    python = scripts / "python"
    ended = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    environment = str(scripts.parent)
    assert all(path.startswith(environment) for path in ended.stdout.split())
    ended = subprocess.run(
        [scripts / "inngest-rest", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": ""},
    )
    assert ended.stdout
