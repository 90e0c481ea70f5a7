"""The mock's state: functions, events, runs, and the clock they live by. Imports `_go` alone."""
