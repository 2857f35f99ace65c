"""Host scripts: what a host sends in some runs, and what the golden model says must come back."""
