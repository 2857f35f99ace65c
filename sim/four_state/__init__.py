"""Tori in four states: nothing is known at the start; run `python -m sim.four_state`."""
