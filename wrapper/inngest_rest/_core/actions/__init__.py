"""Bulk operations: collect what to act on, act on each, and report one row for each."""
