"""The verdicts of a status: a module for each question of an operator.

"Broken" is proven; anything that may be intended is a warning.

server       whether it answers
starting     whether work starts
succeeding   whether work succeeds
stuck        whether a run that has started is lost or overdue
fresh        whether anything arrives and is recorded
crons        whether crons fire
apps         whether apps are synced, and answer
words        shared parts of their sentences
"""
