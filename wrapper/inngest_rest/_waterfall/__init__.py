"""Waterfall charts of traces; each drawing is imported when it is asked for.

terminal   lines for a terminal
layout     the spans of a trace as rows on a time axis
times      durations in words, and the ticks of an axis
"""
