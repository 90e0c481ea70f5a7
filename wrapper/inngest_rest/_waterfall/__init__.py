"""Waterfall charts of traces; the drawing is imported when it is asked for.

terminal   lines for a terminal
layout     the spans of a trace as rows on a time axis
"""
