"""Many jobs at once: on the cores of this machine or on others, each result kept for good."""
