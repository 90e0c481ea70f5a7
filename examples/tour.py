"""A tour of the client: send events, list their runs, wait, replay, cancel, and cancel in bulk.

python examples/tour.py                                # on a mock server in this process
python examples/tour.py --dev                          # on the dev server of this machine
python examples/tour.py --dev --event app/user.created # with an event of your app

It changes no runs but those of the events that it sends.
"""

from __future__ import annotations

import argparse
from datetime import timedelta

from inngest_rest import Event, InngestClient, InngestError, Run
from inngest_rest_mock import Behaviour, MockEvent, MockServer, completes, fails, sleeps


def shop() -> MockServer:
    """Return a mock server with two functions: one fails at first, one takes a day."""
    mock = MockServer()
    declined: set[str] = set()

    def charge(event: MockEvent) -> Behaviour:
        if event.data["total"] > 100 and event.id not in declined:
            declined.add(event.id)
            return fails("card declined")
        return sleeps(timedelta(seconds=1), completes({"charged": event.data["total"]}))

    mock.function("shop", "charge", trigger="app/order.created", run=charge)
    mock.function("shop", "ship", trigger="app/order.created", run=sleeps(timedelta(days=1)))
    return mock


def step(title: str, code: str) -> None:
    """Print the heading of a step: its subject and the call that it makes."""
    print(f"\n{title:<24}{code}")


def show(run: Run) -> None:
    """Print a run on one line."""
    result = run.error.message if run.error else run.output
    print(f"  {run.id}  {run.function_id or '':<8}  {run.status:<9}  {result or ''}".rstrip())


def tour(client: InngestClient, name: str) -> None:
    """Run each step and print its results."""
    step("Apps and functions", "client.apps.list(), client.functions.list(app)")
    for app in client.apps.list(limit=5):
        print(f"  {app.id}: {', '.join(each.id for each in client.functions.list(app.id))}")

    watcher = client.runs.watch(every=1, timeout=3)
    step("Send events", "client.send(events)")
    orders = [Event(name, {"total": total}) for total in (20, 35, 900)]
    *ids, mistyped = client.send([*orders, Event(f"{name}.typo")])
    print(f"  {len(ids)} x {name}, 1 x {name}.typo")

    step("Watch their runs", "client.runs.watch(every=1, timeout=3)")
    with watcher:
        seen = [change.kind for change in watcher]
    print(f"  {seen.count('appeared')} appeared, {seen.count('ended')} ended")

    step("List their runs", "client.events.runs(event_id)")
    runs = [run for id in ids for run in client.events.runs(id)]
    for run in runs:
        show(run)

    step("Why did nothing run?", "client.events.explain(event_id)")
    for reason in client.events.explain(mistyped).reasons[:1]:
        print(f"  {reason.message}")
    if not runs:
        print(f"  {client.events.explain(ids[0])}\n  Name an event that starts a function: --event")
        return

    failed = [run.id for run in runs if run.status == "failed"]
    for id in failed[:1]:
        step("Replay one, and wait", "client.runs.wait(client.runs.replay(id), timeout=30)")
        show(client.runs.wait(client.runs.replay(id), timeout=30))

    running = [run.id for run in runs if not run.is_ended]
    for id in running[:1]:
        step("Cancel one", "client.runs.cancel(id)")
        client.runs.cancel(id)
        show(client.runs.wait(id, timeout=30))

    if running[1:]:
        step("Cancel many: dry run", "plan = client.runs.cancel_all(ids, dry_run=True)")
        plan = client.runs.cancel_all(running[1:], dry_run=True)
        print(f"  {plan}")
        step("Then do it", "client.runs.cancel_all(plan)")
        print(f"  {client.runs.cancel_all(plan)}")


def main() -> None:
    """Run the tour on the server chosen on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dev", nargs="?", const=True, metavar="URL", help="use a dev server")
    parser.add_argument("--event", default="app/order.created", help="the event to send")
    options = parser.parse_args()
    try:
        if options.dev:
            with InngestClient(dev=options.dev) as client:
                print(f"A tour of inngest-rest on {client.target.api_url}")
                tour(client, options.event)
        else:
            with InngestClient(dev=True, transport=shop().transport) as client:
                print("A tour of inngest-rest on a mock server in this process")
                tour(client, options.event)
    except InngestError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
