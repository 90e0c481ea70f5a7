"""Send an event if, and only if, a transaction commits: a transactional outbox with SQLAlchemy.

INNGEST_DEV=1 python examples/sqlalchemy_outbox.py

The event is a row in the database of the order, written in the same transaction. `relay` sends such
rows: call it in a loop from a worker. After a crash it sends an event again, with the same id:
within 24 hours no function runs twice for it, unless it debounces or batches events.

A self-hosted server that dies loses accepted events that it had not stored, whose rows are deleted:
docs/guides/outbox.md says how to survive that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, create_engine, delete, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from inngest_rest import Event, InngestClient

if TYPE_CHECKING:
    from inngest_rest import SendReport

AT_ONCE = 500  # a report names up to 1,000 events that were not accepted


class Base(DeclarativeBase):
    """The tables of this program."""


class Order(Base):
    """Something of your own."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[float]


class OutboxEvent(Base):
    """An event that is to be sent once the transaction that wrote it has committed."""

    __tablename__ = "inngest_outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    rejected: Mapped[str | None]  # the reason; such a row waits for a person


def place_order(session: Session, total: float) -> Order:
    """Add an order and its event to the transaction of the session."""
    order = Order(total=total)
    session.add(order)
    session.flush()  # gives the order its id
    session.add(
        OutboxEvent(
            event_id=f"order-{order.id}-created",  # of the data, so it is the same after a crash
            name="app/order.created",
            data={"order_id": order.id, "total": total},
        )
    )
    return order


def relay(session: Session, client: InngestClient) -> SendReport:
    """Send the oldest rows, and delete those that the server has accepted."""
    # Where the database has row locks, a second relay takes other rows; elsewhere it may send the
    # same ones. If sending raises, as with a wrong key, every row stays.
    with session.begin():
        waiting = select(OutboxEvent).where(OutboxEvent.rejected.is_(None))
        oldest = waiting.order_by(OutboxEvent.id).limit(AT_ONCE).with_for_update(skip_locked=True)
        rows = session.scalars(oldest).all()
        report = client.send_many(Event(row.name, row.data, id=row.event_id) for row in rows)
        failures = {failure.position: failure for failure in report.failures}
        accepted = [row.id for position, row in enumerate(rows) if position not in failures]
        session.execute(delete(OutboxEvent).where(OutboxEvent.id.in_(accepted)))
        for position, failure in failures.items():
            if failure.outcome == "rejected":  # it would be rejected again
                it = update(OutboxEvent).where(OutboxEvent.id == rows[position].id)
                session.execute(it.values(rejected=failure.reason))
            # An unknown outcome leaves the row as it is: it is sent again, with the same id.
    return report


if __name__ == "__main__":
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as database, InngestClient() as inngest:
        with database.begin():
            place_order(database, 49.99)
        print(relay(database, inngest).accepted, "sent,", end=" ")
        print(database.scalar(select(func.count()).select_from(OutboxEvent)), "left")
    engine.dispose()
