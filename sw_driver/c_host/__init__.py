"""A host in C: the library `clostorus.h`, and the headers that nets are written to for it."""
