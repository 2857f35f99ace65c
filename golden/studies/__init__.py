"""Studies of fixed point, fits and conversions: `python -m golden.studies.NAME`."""
