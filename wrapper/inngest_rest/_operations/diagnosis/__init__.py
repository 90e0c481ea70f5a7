"""Which server responds at the base URL, and whether keys and settings match it.

diagnose   asks the server, by single reads whose errors are evidence
findings   rules that turn the evidence into observations: a kind, and facts
evidence   what was asked and answered
texts      the sentence and the remedy of each kind of observation
"""
