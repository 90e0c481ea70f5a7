"""JSON and times as the server's Go code reads and writes them. Imports no other package."""
