"""The verdicts of a status: the questions of an operator.

"Broken" is proven, or a rule of the caller; anything that may be intended is a warning.

starting     whether work starts
succeeding   whether work succeeds
stuck        whether a run that has started is lost or overdue
fresh        whether anything arrives, starts runs and is recorded
reach        whether the server answers, and its apps are synced and answer
by_rules     whether functions have succeeded, and the queue is short, each if a rule asks
words        shared parts of their sentences
"""
