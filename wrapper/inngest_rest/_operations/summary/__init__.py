"""Counts, errors and times of many runs, in bounded memory.

summarize        lists the runs, and gets those whose times are requested
by_event         the same by a field of the events, which it reads
group            runs counted together
quantiles        times in bounded memory
error_messages   error messages without their variable parts
"""
