"""A path through each job by our operations, which the command and the tools have alike.

It is the path of an agent that has read the skill and the playbooks, and makes no mistake: what it
costs is the least that the job costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.internal.evaluation.surfaces import ScriptedPath, Surface

PATHS: list[ScriptedPath] = []


def path(take: ScriptedPath) -> ScriptedPath:
    """Add the path through the next job."""
    PATHS.append(take)
    return take


def _items(answer: Any) -> list[Any]:
    return list(answer["data"]["items"])


@path
def health(call: Surface, _: dict[str, str]) -> str:
    return "yes" if call("doctor")["ok"] else "no"


@path
def mail(call: Surface, _: dict[str, str]) -> str:
    found = call("events.explain", id="order-1001", fields="sentence,runs")["data"]
    return "; ".join(run["error"]["message"] for run in found["runs"] if run.get("error"))


@path
def causes(call: Surface, _: dict[str, str]) -> str:
    groups = call("runs.summary", by="error", ended_since="1h")["data"]["groups"]
    return "\n".join(f"{sum(it['counts'].values())} {it['name']}" for it in groups)


@path
def replay(call: Surface, _: dict[str, str]) -> str:
    chosen = {"app": "shop", "error_contains": "timeout", "ended_since": "1h"}
    return str(call.confirmed("runs.replay", **chosen)["data"]["counts"])


@path
def cancel(call: Surface, said: dict[str, str]) -> str:
    chosen = {"app": "shop", "function": "import", **said}
    return str(call.confirmed("runs.cancel", **chosen)["data"]["counts"])


@path
def rows(call: Surface, _: dict[str, str]) -> str:
    chosen = {"path": "rows.csv", "csv": True, "event": "shop/row.imported"}
    return str(call("send_file", **chosen, fields="accepted,rejected")["data"]["accepted"])


@path
def slowest(call: Surface, _: dict[str, str]) -> str:
    groups = call("runs.summary", since="24h", sample=50)["data"]["groups"]
    return str(max(groups, key=lambda it: it["times"]["running"]["p95"])["name"])


@path
def stuck(call: Surface, _: dict[str, str]) -> str:
    chosen = {"status": ["queued", "running"], "app": "shop", "limit": 1, "order": "oldest"}
    (run,) = _items(call("runs.list", **chosen, fields="id"))
    return str(call("runs.explain", id=run["id"])["data"]["sentence"])


@path
def triggers(call: Surface, _: dict[str, str]) -> str:
    shown = call("send", name="shop/order.created", data={"total": 50}, dry_run=True)
    functions = shown["data"]["preview"]["functions"]
    return ", ".join(it["function"] for it in functions if it["runs"])


@path
def price(call: Surface, _: dict[str, str]) -> str:
    sent = call("send", name="shop/quote.requested", data={"items": 3}, wait=60)
    return str([run["output"] for run in sent["data"]["runs"]])


@path
def invoked(call: Surface, _: dict[str, str]) -> str:
    chosen = {"app": "shop", "function": "quote", "data": {"items": 4}}
    return str(call("functions.invoke", **chosen, wait=60)["data"]["run"]["output"])


@path
def compared(call: Surface, said: dict[str, str]) -> str:
    root = call("runs.trace", id=said["bad"])["data"]
    return ", ".join(it["name"] for it in root["children"] if it["status"] == "failed")


@path
def customer(call: Surface, _: dict[str, str]) -> str:
    chosen = {"where": 'event.data.customer == "c-2"', "since": "24h"}
    return " ".join(run["id"] for run in _items(call("runs.list", **chosen, fields="id")))


@path
def approved(call: Surface, _: dict[str, str]) -> str:
    chosen = {"status": ["running"], "where": "event.data.order == 1001"}
    (run,) = _items(call("runs.list", **chosen, fields="id"))
    (waits,) = call("runs.explain", id=run["id"], fields="reasons")["data"]["reasons"]
    call("send", name=waits["evidence"]["for"], data={"order": 1001}, id="approval-1001")
    return str(_items(call("runs.wait", ids=[run["id"]], timeout=60, fields="status"))[0]["status"])


@path
def nothing_ran(call: Surface, _: dict[str, str]) -> str:
    return str(call("events.explain", id="gift-7", fields="sentence")["data"]["sentence"])


@path
def undone(call: Surface, said: dict[str, str]) -> str:
    new: list[str] = []
    for id in said.values():
        reasons = call("runs.explain", id=id, fields="reasons")["data"]["reasons"]
        new += [run for it in reasons if it["kind"] == "replayed" for run in it["evidence"]["runs"]]
    return str(call.confirmed("runs.cancel", ids=new)["data"]["counts"])


@path
def injected(call: Surface, said: dict[str, str]) -> str:
    return str(call("runs.explain", id=said["id"], fields="sentence")["data"]["sentence"])


@path
def watched(call: Surface, _: dict[str, str]) -> str:
    changes = _items(call("runs.watch", status=["failed"], timeout=30))
    return " ".join(it["run"]["id"] for it in changes)


@path
def changed(call: Surface, _: dict[str, str]) -> str:
    rates = {"app": "shop", "fields": "groups.name,groups.failure_rate"}
    windows = {"since": "24h"}, {"since": "48h", "until": "24h"}
    now, before = (
        {it["name"]: it.get("failure_rate") or 0 for it in summary["data"]["groups"]}
        for summary in (call("runs.summary", **rates, **window) for window in windows)
    )
    return ", ".join(name for name, rate in now.items() if rate > before.get(name, 0))


@path
def exported(call: Surface, _: dict[str, str]) -> str:
    return str(call("runs.export", path="runs.ndjson", since="24h")["ok"])


@path
def webhook(call: Surface, _: dict[str, str]) -> str:
    return str(call("webhooks.create", name="orders")["error"]["hint"])


@path
def cancel_all(call: Surface, _: dict[str, str]) -> str:
    refused = call("runs.cancel")
    return f"{refused['error']['message']}. Which app, and since when?"


@path
def mailed_again(call: Surface, said: dict[str, str]) -> str:
    replayed = call("runs.replay", ids=[said["id"]], from_step="last-failed")["data"]["rows"][0]
    return str(_items(call("runs.wait", ids=[replayed["new_run_id"]], fields="status")))


@path
def wrong_key(call: Surface, _: dict[str, str]) -> str:
    return str(call("doctor")["error"])


@path
def nightly(call: Surface, _: dict[str, str]) -> str:
    chosen = {"app": "shop", "function": "nightly", "limit": 1}
    return str(_items(call("runs.list", **chosen, fields="queued_at"))[0]["queued_at"])


@path
def corrected(call: Surface, _: dict[str, str]) -> str:
    data = {"order": 1001, "address": "kim@shop.test"}
    chosen = {"app": "shop", "function": "mail", "data": data}
    return str(call("functions.invoke", **chosen, wait=60)["data"]["run"]["status"])
