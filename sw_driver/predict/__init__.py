"""What a program takes, without running it: cycles, waits, timelines, tables."""
