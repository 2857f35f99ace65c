"""Fault campaigns: bits flip while a torus runs, and a torus with `checks` may find them."""
