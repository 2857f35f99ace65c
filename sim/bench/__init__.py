"""The measured tables of docs/benchmarks.md: one module a table."""
