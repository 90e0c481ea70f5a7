"""The mock's state: functions, events, runs, and their clock. Imports only `_json` and `_times`."""
