"""Studies of fixed point and of conversion, each a program: `python -m golden.studies.NAME`."""
