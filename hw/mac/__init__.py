"""What computes: control and data path of a MAC, and what it needs to train."""
