"""A checkpoint as somebody or something left it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import InngestClient, InvalidArgumentError
from tests.hostile.invalid import accept, bounded, briefly, damaged, flipped

LINES = [json.dumps({"name": f"app/e{n}"}).encode() for n in range(6)]


def interrupted(folder: Path) -> Path:
    """Leave an import that has sent two lines of six and rejected one."""
    file = folder / "events.ndjson"
    file.write_bytes(b"\n".join([LINES[0], b"no event", *LINES[2:]]) + b"\n")

    def stop(_: object) -> None:
        raise ZeroDivisionError

    with (
        InngestClient(dev=True, transport=httpx.MockTransport(accept)) as client,
        pytest.raises(ZeroDivisionError),
    ):
        client.send_file(file, batch_size=3, in_flight=1, resume=True, on_batch=stop)
    return file


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    file = interrupted(tmp_path_factory.mktemp("import"))
    return {each.name: each.read_bytes() for each in file.parent.iterdir()}


@settings(bounded, max_examples=60)
@given(data=st.data())
def test_any_checkpoint_is_resumed_or_refused_and_no_file_is_lost(
    saved: dict[str, bytes], data: st.DataObject
) -> None:
    (name,) = (each for each in saved if each.endswith(".checkpoint"))
    content = json.loads(saved[name])
    text = data.draw(damaged(content))
    if data.draw(st.booleans()):
        text = data.draw(flipped(text))
    sent = list[dict[str, Any]]()

    def answer(request: httpx.Request) -> httpx.Response:
        sent.extend(json.loads(request.content))
        return accept(request)

    with tempfile.TemporaryDirectory() as folder:
        for each, before in {**saved, name: text}.items():
            Path(folder, each).write_bytes(before)
        rejected = next(each for each in saved if each.endswith(".rejected.ndjson"))
        with InngestClient(dev=True, transport=httpx.MockTransport(answer)) as client, briefly():
            try:
                report = client.send_file(Path(folder, "events.ndjson"), resume=True)
            except InvalidArgumentError:
                assert Path(folder, name).read_bytes() == text
                assert not sent
                report = None
        kept = b"".join(each.read_bytes() for each in Path(folder).glob(f"{rejected}*"))
        assert saved[rejected] in kept
        if report is not None:
            assert len(sent) == report.accepted
