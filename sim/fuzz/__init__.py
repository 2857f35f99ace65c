"""Fuzzing: changed files and frames for every reader, and random nets on the RTL of random tori."""
