"""Experiments of the papers that need a torus, and the list of all experiments."""
