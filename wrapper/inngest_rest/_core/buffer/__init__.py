"""Event queues, in memory or in an SQLite outbox, and the rules for sending from them."""
