"""Rules that turn evidence into reasons, one per function.

event    why an event started no run
run      why a run is as it is
"""
