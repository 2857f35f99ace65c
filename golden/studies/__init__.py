"""Studies of fixed point and of fits, each a program: `python -m golden.studies.NAME`."""
