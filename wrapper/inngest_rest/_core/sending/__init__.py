"""Sending: events are validated, encoded, batched, sent, and accounted for one by one."""
