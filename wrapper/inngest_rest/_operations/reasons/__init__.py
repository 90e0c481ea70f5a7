"""Why an event started no run, and why a run is as it is: rules, and the sentences for them.

Each rule yields findings: a kind, facts, and whether the evidence proves it. No rule has words.

texts       the sentence of each kind of finding
event       the rules about an event, and their order
run         the rules about a run, and their order
evidence    the input of the rules: the known facts of an event, a function, a run
finding     the conclusion of a rule
"""
