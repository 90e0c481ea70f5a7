"""Send an event if, and only if, a transaction commits: a transactional outbox with Django.

INNGEST_DEV=1 python examples/django_outbox.py

The event is a row in the database of the order, written in the same transaction. `relay` sends such
rows: call it in a loop from a management command. After a crash it sends an event again, with the
same id: within 24 hours no function runs twice for it, unless it debounces or batches events.

A self-hosted server that dies loses accepted events that it had not stored, whose rows are deleted:
docs/guides/outbox.md says how to survive that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.db import connection, models, transaction

from inngest_rest import Event, InngestClient

if TYPE_CHECKING:
    from inngest_rest import SendReport

if not settings.configured:  # so that this file runs alone; a project has all of this
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    )
    django.setup()

AT_ONCE = 500  # a report names up to 1,000 events that were not accepted


class Order(models.Model):
    """Something of your own."""

    total = models.DecimalField(max_digits=9, decimal_places=2)

    class Meta:
        app_label = "shop"


class OutboxEvent(models.Model):
    """An event that is to be sent once the transaction that wrote it has committed."""

    event_id = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    data = models.JSONField()
    rejected = models.TextField(blank=True)  # the reason; such a row waits for a person

    class Meta:
        app_label = "shop"


def place_order(total: str) -> Order:
    """Store an order and its event, or neither."""
    with transaction.atomic():
        order = Order.objects.create(total=total)
        OutboxEvent.objects.create(
            event_id=f"order-{order.pk}-created",  # of the data, so it is the same after a crash
            name="app/order.created",
            data={"order_id": order.pk, "total": total},
        )
    return order


def relay(client: InngestClient) -> SendReport:
    """Send the oldest rows, and delete those that the server has accepted."""
    # Where the database has row locks, a second relay takes other rows; elsewhere it may send the
    # same ones. If sending raises, as with a wrong key, every row stays.
    with transaction.atomic():
        waiting = OutboxEvent.objects.select_for_update(skip_locked=True).filter(rejected="")
        rows = list(waiting.order_by("pk")[:AT_ONCE])
        report = client.send_many(Event(row.name, row.data, id=row.event_id) for row in rows)
        failures = {failure.position: failure for failure in report.failures}
        accepted = [row.pk for position, row in enumerate(rows) if position not in failures]
        OutboxEvent.objects.filter(pk__in=accepted).delete()
        for position, failure in failures.items():
            if failure.outcome == "rejected":  # it would be rejected again
                OutboxEvent.objects.filter(pk=rows[position].pk).update(rejected=failure.reason)
            # An unknown outcome leaves the row as it is: it is sent again, with the same id.
    return report


if __name__ == "__main__":
    with connection.schema_editor() as editor:
        editor.create_model(Order)
        editor.create_model(OutboxEvent)
    place_order("49.99")
    with InngestClient() as inngest:
        print(relay(inngest).accepted, "sent,", OutboxEvent.objects.count(), "left")
