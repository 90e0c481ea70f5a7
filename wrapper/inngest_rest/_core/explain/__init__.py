"""The outcome of an event: wait for its runs, and explain why there are none."""
