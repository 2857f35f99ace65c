"""Formal proofs of the RTL; see docs/verification.md, and run `python -m sim.proofs`."""
