"""The Amaranth generator of the Clostorus torus: one block per file, tops only wire.

Nothing is imported here, so that `hw.config` can be read without Amaranth installed.
"""
