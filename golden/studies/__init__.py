"""Studies of fixed point, each a program: `python -m golden.studies.NAME`."""
