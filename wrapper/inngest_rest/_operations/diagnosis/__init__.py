"""Which server responds at the base URL, and whether keys and settings match it.

diagnose   queries the server, with single reads whose errors are evidence
findings   rules that turn the evidence into observations: a kind, and facts
evidence   the requests and their answers
texts      the sentence and the remedy of each kind of observation
"""
