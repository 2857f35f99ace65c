"""Clos layers: shape, wiring, the float layer in its forms, and nets of them."""
