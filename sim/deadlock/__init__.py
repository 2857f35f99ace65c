"""The machine of docs/deadlock.md, and the search of small programs that the check accepts."""
