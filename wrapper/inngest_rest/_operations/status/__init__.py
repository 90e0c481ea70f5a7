"""The status of a server: few requests, and a verdict on each question of an operator.

report       which requests are made, in which order, and what becomes of those that fail
evidence     what was read
verdicts     a module for each question, from the evidence to a verdict
headline     the worst verdict, and what is said of it
"""
