"""Counts, errors and times of many runs, in bounded memory.

summarize        lists the runs, and gets those whose times are asked for
by_event         the same by a field of the events, which are read for it
group            runs that are counted together
quantiles        times in bounded memory
error_messages   messages of errors without what varies
"""
