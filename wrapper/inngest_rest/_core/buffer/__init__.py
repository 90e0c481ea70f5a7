"""Events that wait to be sent, in memory or in an SQLite outbox, and the rules of sending them."""
