"""The measured tables of docs/benchmarks.md and docs/fpga.md."""
