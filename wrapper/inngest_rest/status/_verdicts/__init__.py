"""The verdicts of a status: a module for each question of an operator.

"Broken" is proven, or a rule of the caller; anything that may be intended is a warning.

server       whether it answers
starting     whether work starts
succeeding   whether work succeeds
stuck        whether a run that has started is lost or overdue
fresh        whether anything arrives, starts runs and is recorded
crons        whether crons fire
apps         whether apps are synced, and answer
active       whether anything has run of late, if a rule asks
success      whether functions that have to succeed have, if a rule asks
queue        whether the queue is too long, if a rule asks
functions    whether the expected functions are registered, if a rule asks
words        shared parts of their sentences
"""
