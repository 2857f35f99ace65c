"""Experiments of the papers that train: runs in a table on disk, and a report computed from it."""
