"""A file of any bytes: each line or row is sent, or rejected, or blank, and none is lost."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import InngestClient, InvalidArgumentError
from tests.hostile.invalid import VALUES, accept, bounded, briefly, damaged, flipped, written

EVENT = {"name": "app/x", "data": {"n": 1}, "id": "a", "ts": 1_700_000_000_000, "v": "1"}

lines = st.one_of(
    damaged(EVENT),
    damaged(EVENT).flatmap(flipped),
    st.sampled_from(VALUES).map(written),
    st.binary(max_size=60),
    st.just(written(EVENT)),
)


@settings(bounded, max_examples=80)
@given(text=st.lists(lines, max_size=6).map(b"\n".join), zipped=st.booleans())
def test_every_line_of_any_file_is_accounted_for(text: bytes, *, zipped: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "events.ndjson")
        file.write_bytes(gzip.compress(text) if zipped else text)
        with InngestClient(dev=True, transport=httpx.MockTransport(accept)) as client, briefly():
            try:
                report = client.send_file(file)
            except InvalidArgumentError as error:
                assert "is a table, not JSON lines" in str(error)  # noqa: PT017
                return
        present = [line for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
        assert report.accepted + report.rejected == len(present)
        assert report.unknown == 0
        rejected = Path(folder, "events.ndjson.rejected.ndjson")
        kept = rejected.read_bytes().split(b"\n")[:-1] if rejected.exists() else []
        assert len(kept) == report.rejected
        assert all(each in [line.rstrip(b"\r\n") for line in present] for each in kept)


pieces = st.sampled_from(
    [b"a", b"1", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\xff", "ü".encode()]
)


@settings(bounded, max_examples=80)
@given(
    text=st.lists(pieces, max_size=30).map(b"".join),
    cut=st.integers(0, 30),
    zipped=st.booleans(),
)
def test_a_table_of_any_bytes_is_read_alike_at_once_and_as_it_grows(
    text: bytes, cut: int, *, zipped: bool
) -> None:
    content = b"id,note\n1,a\n" + text + b"\n"
    sent = list[dict[str, str]]()

    def answer(request: httpx.Request) -> httpx.Response:
        sent.extend(each["data"] for each in json.loads(request.content))
        return accept(request)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.csv")
        with InngestClient(dev=True, transport=httpx.MockTransport(answer)) as client, briefly():
            file.write_bytes(content[: len(content) - cut])
            client.send_file(file, event="app/x", resume=True)
            file.write_bytes(gzip.compress(content) if zipped else content)
            client.send_file(file, event="app/x", resume=True)
            grown, sent = sent, []
            report = client.send_file(file, event="app/x")
    assert all(each.keys() == {"id", "note"} for each in sent)
    assert len(sent) == report.accepted
    assert grown == sent
