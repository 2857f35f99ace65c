"""Training in float, and formats for training in fixed point."""
