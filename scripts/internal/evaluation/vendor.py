"""The same jobs by the vendor's routes of v2, which its command `inngest api` and its tools call.

What they cost is a request's arguments and its answer, which that command prints with more blanks.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from scripts.internal.evaluation.surfaces import NoWayError, Surface, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scripts.internal.evaluation.jobs import Job
    from scripts.internal.evaluation.night import Night

# The route of each operation, by the name of the tool.
OPERATIONS = {
    "list_runs": ("GET", "/v2/runs"),
    "get_run": ("GET", "/v2/runs/{runId}"),
    "get_run_trace": ("GET", "/v2/runs/{runId}/trace"),
    "get_event_runs": ("GET", "/v2/events/{eventId}/runs"),
    "list_functions": ("GET", "/v2/apps/{appId}/functions"),
    "rerun": ("POST", "/v2/runs/{runId}/rerun"),
    "cancel_run": ("POST", "/v2/runs/{runId}/cancel"),
    "send_event": ("POST", "/v2/events"),
    "invoke_function": ("POST", "/v2/apps/{appId}/functions/{functionId}/invoke"),
}


class Routes(Surface):
    """The routes of v2."""

    def __call__(self, operation: str, **values: Any) -> Any:
        """Call an operation, and return its answer."""
        method, path = OPERATIONS[operation]
        rest = {name: value for name, value in values.items() if f"{{{name}}}" not in path}
        key = self.night.key
        with httpx.Client(
            transport=self.night.mock.transport, base_url="http://127.0.0.1"
        ) as client:
            answer = client.request(
                method,
                path.format(**values),
                params=None if method == "POST" else rest,
                json=rest if method == "POST" else None,
                headers={"Authorization": f"Bearer {key}"} if key else None,
            )
        self.charge(f"{operation} {json.dumps(values)}", answer.text)
        return answer.json()


def worst(call: Routes, _: Mapping[str, str]) -> str:
    names = [it["function"]["id"] for it in _failed(call, hours=24)]
    return f"ferry/{max(names, key=names.count)}"


def causes(call: Routes, _: Mapping[str, str]) -> str:
    errors = [_error(it) for it in _failed(call, hours=3)]
    return "\n".join(f"{errors.count(each)} {each}" for each in sorted(set(errors)))


def mail(call: Routes, _: Mapping[str, str]) -> str:
    failed = _runs(call, functionId=["mail"], appId=["ferry"], includeOutput=True)
    return " ".join(_error(it) for it in failed if it["status"] == "FAILED")


def failure(call: Routes, said: Mapping[str, str]) -> str:
    return _output(call, said["pump"])


def injected(call: Routes, said: Mapping[str, str]) -> str:
    return _output(call, said["berth"])


def compared(call: Routes, said: Mapping[str, str]) -> str:
    spans = call("get_run_trace", runId=said["declined"])["data"]["rootSpan"]["children"]
    return ", ".join(it["name"] for it in spans if it["status"] == "FAILED")


def condition(call: Routes, _: Mapping[str, str]) -> str:
    return json.dumps(call("list_functions", appId="ferry")["data"])


def preview(call: Routes, _: Mapping[str, str]) -> str:
    functions = call("list_functions", appId="ferry")["data"]
    started = [it for it in functions if "ticket/booked" in json.dumps(it)]
    return ", ".join(it["id"] for it in started if "fare > 100" not in json.dumps(it))


def run_of_batch(call: Routes, said: Mapping[str, str]) -> str:
    return json.dumps(call("get_event_runs", eventId=said["scan"]))


def price(call: Routes, _: Mapping[str, str]) -> str:
    sent = call("send_event", name="quote/requested", data={"seats": 3})["data"]
    call.night.pass_time(seconds=1)  # until its run can be seen
    return str(call("get_event_runs", eventId=sent["eventId"], includeOutput=True)["data"])


def invoked(call: Routes, _: Mapping[str, str]) -> str:
    started = call("invoke_function", appId="ferry", functionId="quote", data={"seats": 4})["data"]
    return _output(call, started["runId"])


def corrected(call: Routes, _: Mapping[str, str]) -> str:
    data = {"ticket": "t-43", "address": "kim@ferry.test"}
    return str(call("invoke_function", appId="ferry", functionId="mail", data=data))


def replay(call: Routes, _: Mapping[str, str]) -> str:
    for run in _failed(call, hours=3):
        if "timeout" in _error(run):
            call("rerun", runId=run["id"], fromStep={"stepId": "charge"})
    return "done"


def cancel(call: Routes, said: Mapping[str, str]) -> str:
    window = {"from": said["since"], "until": said["until"], "limit": "100"}
    for run in _runs(call, appId=["ferry"], functionId=["import"], **window):
        call("cancel_run", runId=run["id"])
    return "done"


def told_again(call: Routes, said: Mapping[str, str]) -> str:
    return str(call("rerun", runId=said["parcel"], fromStep={"stepId": "notify"}))


def changed(call: Routes, _: Mapping[str, str]) -> str:
    windows = {"from": _ago(call.night, hours=24)}, {"until": _ago(call.night, hours=24)}
    now, before = (
        {
            it["function"]["id"]
            for it in _runs(call, limit="100", **window)
            if it["status"] == "FAILED"
        }
        for window in windows
    )
    return ", ".join(now - before)


def cancel_all(_: Routes, __: Mapping[str, str]) -> str:
    return "Which app, and since when?"


PATHS: tuple[Callable[[Routes, Mapping[str, str]], str], ...] = (
    *(worst, causes, mail, failure, injected, compared, condition, preview, run_of_batch, price),
    *(invoked, corrected, replay, cancel, told_again, changed, cancel_all),
)
"""The jobs that its operations can do, by their names."""


def vendors() -> dict[str, Way]:
    """Return the way by the vendor's routes, of which nothing has to be read first."""
    return {"vendor's routes": Way(_do, Routes, 0)}


def _do(call: Routes, job: Job) -> str:
    """Take the vendor's path through a job."""
    for path in PATHS:
        if path.__name__ == job.name.replace("-", "_"):
            return path(call, call.night.said)
    raise NoWayError(job.name)


def _runs(call: Routes, **chosen: Any) -> list[Any]:
    return list(call("list_runs", **chosen).get("data", []))


def _failed(call: Routes, **by: float) -> list[Any]:
    window = {"timeField": "endedAt", "from": _ago(call.night, **by), "limit": "100"}
    return _runs(call, status=["FAILED"], includeOutput=True, **window)


def _output(call: Routes, run_id: str) -> str:
    return str(call("get_run", runId=run_id, includeOutput=True)["data"]["output"])


def _ago(night: Night, **by: float) -> str:
    return (night.mock.now - timedelta(**by)).isoformat()


def _error(run: Any) -> str:
    return str(run["output"]["error"]["message"])
