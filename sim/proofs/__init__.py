"""Formal proofs of the routers; see docs/verification.md, and run `python -m sim.proofs`."""
