"""The sections of a report that a board build has: use of the part, area by module, paths."""
