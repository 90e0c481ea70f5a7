"""The same jobs by the vendor's command (`inngest api`) and by the tools of its dev server's MCP.

Both call the routes of v2. The command is run. The server that has the tools cannot be a mock, so
they are counted as what they are, a route's answer with its arguments: it is tried on a dev server
of the binary whether this is so.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
from attrs import define, field
from mcp import Client

from inngest_rest.testing._binary import run_binary
from scripts.internal.evaluation.surfaces import Surface, Way, size_of
from scripts.internal.live.databases import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scripts.internal.evaluation.jobs import Shop
    from scripts.internal.evaluation.surfaces import ScriptedPath

# The name of the tool, the route, and the words of the command.
OPERATIONS = {
    "list_runs": ("GET", "/v2/runs", "get-function-runs"),
    "get_run": ("GET", "/v2/runs/{runId}", "get-function-run"),
    "get_run_trace": ("GET", "/v2/runs/{runId}/trace", "get-function-trace"),
    "get_event_runs": ("GET", "/v2/events/{eventId}/runs", "get-event-runs"),
    "list_functions": ("GET", "/v2/apps/{appId}/functions", "get-functions"),
    "rerun": ("POST", "/v2/runs/{runId}/rerun", "rerun"),
    "cancel_run": ("POST", "/v2/runs/{runId}/cancel", "cancel-run"),
    "send_event": ("POST", "/v2/events", "send-event"),
    "invoke_function": (
        "POST",
        "/v2/apps/{appId}/functions/{functionId}/invoke",
        "invoke-function",
    ),
}


@define
class VendorCommand(Surface):
    """`inngest api`, against the mock on a socket."""

    binary: Path = field(kw_only=True)

    def __call__(self, operation: str, **values: Any) -> Any:
        words = ["api", "--api-port", "8288", OPERATIONS[operation][2]]
        for name, value in values.items():
            flag = "--" + re.sub("[A-Z]", lambda it: f"-{it[0].lower()}", name)
            for each in value if isinstance(value, list) else [value]:
                words += [flag] if each is True else [flag, _text(each)]
        with self.shop.mock.serve() as url, tempfile.TemporaryDirectory() as home:
            words[2] = url.rpartition(":")[2]
            ended = subprocess.run(
                [self.binary, *words],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": home,
                    "DO_NOT_TRACK": "1",
                    **self.shop.keys,
                },
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        self.charge(" ".join(["inngest", *words]), ended.stdout + ended.stderr)
        return _parsed(ended.stdout)


class VendorTools(Surface):
    """The tools of the dev server's MCP, by the routes that they call."""

    def __call__(self, operation: str, **values: Any) -> Any:
        method, path, _ = OPERATIONS[operation]
        rest = {name: it for name, it in values.items() if f"{{{name}}}" not in path}
        if "fromStep" in rest:  # the command makes an object of it
            values["fromStep"] = rest["fromStep"] = {"stepId": rest["fromStep"]}
        with httpx.Client(
            transport=self.shop.mock.transport, base_url="http://127.0.0.1"
        ) as client:
            key = self.shop.keys.get("INNGEST_SIGNING_KEY")
            answer = client.request(
                method,
                path.format(**values),
                params=None if method == "POST" else rest,
                json=rest if method == "POST" else None,
                headers={"Authorization": f"Bearer {key}"} if key else None,
            )
        self.charge(f"{operation} {json.dumps(values)}", answer.text)
        return _parsed(answer.text)


def _parsed(text: str) -> Any:
    """Return the JSON of an answer, which an error has behind its status, if at all."""
    found = re.search(r"\{.*", text, re.DOTALL)
    return json.loads(found[0]) if found else text


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@contextmanager
def vendors(binary: Path | None, postgres_uri: str | None) -> Iterator[dict[str, Way]]:
    """Yield the ways of the vendor, if its binary is there."""
    if binary is None:
        yield {}
        return
    with ExitStack() as stack:
        store = postgres_uri and stack.enter_context(database(postgres_uri))
        url = stack.enter_context(run_binary(binary.absolute(), store))
        told = subprocess.run([binary, "api", "--help"], capture_output=True, check=True).stdout
        listed = asyncio.run(tools_of(url))
        yield {
            "vendor's command": Way(partial(VendorCommand, binary=binary), PATHS, len(told)),
            "vendor's tools": Way(VendorTools, PATHS, listed),
        }


async def tools_of(url: str) -> int:
    """Return the number of bytes that the list of tools of a dev server has."""
    async with Client(f"{url}/mcp") as client:
        listed = (await client.list_tools()).tools
        (told,) = (await client.call_tool("list_runs", {"limit": 5})).content
    options: Any = {"params": {"limit": 5}, "trust_env": False}  # a server on this machine
    routed = await asyncio.to_thread(httpx.get, f"{url}/v2/runs", **options)
    if json.loads(told.text).keys() != routed.json().keys():  # type: ignore[union-attr]
        raise SystemExit(f"a tool does not answer as its route: {told}")
    return size_of(listed)


def _runs(call: Surface, **chosen: Any) -> list[Any]:
    return list(call("list_runs", **chosen).get("data", []))


def _ago(shop: Shop, **by: float) -> str:
    return (shop.mock.now - timedelta(**by)).isoformat()


def _error(run: Any) -> str:
    return str(run["output"]["error"]["message"])


def mail(call: Surface, _: dict[str, str]) -> str:
    failed = _runs(call, status=["FAILED"], includeOutput=True)
    return " ".join(map(_error, failed))


def causes(call: Surface, _: dict[str, str]) -> str:
    window = {"timeField": "endedAt", "from": _ago(call.shop, hours=1), "limit": "100"}
    errors = [_error(it) for it in _runs(call, status=["FAILED"], includeOutput=True, **window)]
    return "\n".join(f"{errors.count(each)} {each}" for each in sorted(set(errors)))


def replay(call: Surface, _: dict[str, str]) -> str:
    window = {"timeField": "endedAt", "from": _ago(call.shop, hours=1), "limit": "100"}
    failed = _runs(call, status=["FAILED"], includeOutput=True, **window)
    for run in failed:
        if "timeout" in _error(run):
            call("rerun", runId=run["id"])
    return "done"


def cancel(call: Surface, said: dict[str, str]) -> str:
    window = {"from": said["since"], "until": said["until"], "limit": "100"}
    for run in _runs(call, appId=["shop"], functionId=["import"], **window):
        call("cancel_run", runId=run["id"])
    return "done"


def triggers(call: Surface, _: dict[str, str]) -> str:
    functions = call("list_functions", appId="shop")["data"]
    return ", ".join(it["id"] for it in functions if "total > 100" not in json.dumps(it))


def price(call: Surface, _: dict[str, str]) -> str:
    sent = call("send_event", name="shop/quote.requested", data={"items": 3})["data"]
    call.shop.pass_time(seconds=1)  # until its run can be seen
    return str(call("get_event_runs", eventId=sent["eventId"], includeOutput=True)["data"])


def invoked(call: Surface, _: dict[str, str]) -> str:
    started = call("invoke_function", appId="shop", functionId="quote", data={"items": 4})["data"]
    return str(call("get_run", runId=started["runId"], includeOutput=True)["data"])


def compared(call: Surface, said: dict[str, str]) -> str:
    spans = call("get_run_trace", runId=said["bad"])["data"]["rootSpan"]["children"]
    return ", ".join(it["name"] for it in spans if it["status"] == "FAILED")


def nothing_ran(call: Surface, _: dict[str, str]) -> str:
    return json.dumps(call("list_functions", appId="shop")["data"])


def injected(call: Surface, said: dict[str, str]) -> str:
    return str(call("get_run", runId=said["id"], includeOutput=True)["data"]["output"])


def changed(call: Surface, _: dict[str, str]) -> str:
    windows = {"from": _ago(call.shop, hours=24)}, {"until": _ago(call.shop, hours=24)}
    now, before = (
        {
            it["function"]["id"]
            for it in _runs(call, limit="100", **window)
            if it["status"] == "FAILED"
        }
        for window in windows
    )
    return ", ".join(now - before)


def cancel_all(_: Surface, __: dict[str, str]) -> str:
    return "Which app, and since when?"


def mailed_again(call: Surface, said: dict[str, str]) -> str:
    return str(call("rerun", runId=said["id"], fromStep="mail"))


def wrong_key(call: Surface, _: dict[str, str]) -> str:
    return f"INNGEST_SIGNING_KEY: {call('list_runs')}"


def nightly(call: Surface, _: dict[str, str]) -> str:
    return str(_runs(call, appId=["shop"], functionId=["nightly"], limit="1")[0]["queuedAt"])


def corrected(call: Surface, _: dict[str, str]) -> str:
    data = {"order": 1001, "address": "kim@shop.test"}
    return str(call("invoke_function", appId="shop", functionId="mail", data=data))


PATHS: dict[int, ScriptedPath] = {
    2: mail,
    3: causes,
    4: replay,
    5: cancel,
    9: triggers,
    10: price,
    11: invoked,
    12: compared,
    15: nothing_ran,
    17: injected,
    19: changed,
    22: cancel_all,
    23: mailed_again,
    24: wrong_key,
    25: nightly,
    26: corrected,
}
"""The jobs that its operations can do."""
