"""Fault campaigns: bits that flip while a torus runs, and what a torus with `checks` makes of it."""
