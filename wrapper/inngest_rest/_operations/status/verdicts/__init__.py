"""The verdicts of a status: a module for each question of an operator.

What is broken is proven; what may be as it should is a warning.

server       whether it answers
starting     whether work starts
succeeding   whether work succeeds
stuck        whether a run that has started is lost or overdue
fresh        whether anything arrives and is recorded
crons        whether crons fire
apps         whether apps are synced, and answer
words        what the sentences of several have in common
"""
