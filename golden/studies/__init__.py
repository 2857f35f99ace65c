"""Studies of fixed point, fits and conversion, each a program: `python -m golden.studies.NAME`."""
