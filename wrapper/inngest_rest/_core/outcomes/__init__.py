"""What became of an event: wait for the runs it starts, and explain why there are none."""
