"""What is logged: a message is one line, whatever text from outside is in it."""

from __future__ import annotations

import httpx
import pytest

from inngest_rest import InngestClient, InngestError
from tests.support.clock import Clock

HOSTILE = "no\nWARNING forged\r\x1b[2K\x1b]8;;http://x\x07\u202e"


@pytest.mark.parametrize("status", [400, 500])
def test_a_logged_message_is_one_line_whatever_a_server_or_an_event_says(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "inngest_rest")
    server = httpx.MockTransport(lambda _: httpx.Response(status, json={"error": HOSTILE}))
    make = Clock().govern(InngestClient)
    with make(dev=True, transport=server, event_name_check="warn", retries=1) as client:
        for call in (client.runs.list().page, lambda: client.send({"name": f"x {HOSTILE}"})):
            with pytest.raises(InngestError) as raised:
                call()
            lines = str(raised.value).split("\n")
            assert all(each.isprintable() for each in lines)
    messages = [each.getMessage() for each in caplog.records]
    assert any("forged" in each for each in messages)
    assert all(each.isprintable() for each in messages)
