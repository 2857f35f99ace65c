"""How far learning rates may fall where targets are sent."""

__all__ = ["MOST_HALVINGS"]

MOST_HALVINGS = 3
"""A torus that is made for a net with targets has room for learning rates halved so often."""
