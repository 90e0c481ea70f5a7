"""The status of a server: few requests, and a verdict on each question of an operator.

report       the requests, their order, and the handling of failed ones
evidence     the results of the requests
verdicts     a module for each question, from the evidence to a verdict
headline     the worst verdict, and its one-line summary
"""
