"""Rules that turn evidence into reasons: why an event started no run, and why a run is as it is."""
