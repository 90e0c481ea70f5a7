"""Why an event started no run, and why a run is as it is: rules, and the sentences for them.

Each rule yields findings: a kind, facts, and whether the evidence proves it. No rule has words.

texts       the sentence of each kind of finding
event       the rules about an event, and the evidence that they read
run         the rules about a run, and the evidence that they read
finding     what a rule concludes, and the reason that is made of it
"""
