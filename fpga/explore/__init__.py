"""The best accelerator for a net and a board: bounds of many, exact cycles of the best."""
