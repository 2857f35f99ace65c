"""Checks of programs before they run: deadlocks, and words read or written too early."""
