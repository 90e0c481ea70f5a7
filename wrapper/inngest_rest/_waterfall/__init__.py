"""Waterfall charts of traces, for a terminal and as an HTML page; each is loaded lazily."""
