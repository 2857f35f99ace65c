"""What of PyTorch works with which layer: one module a concern, and the table of all of it."""
