"""Files, digests and processes: what golden asks of the machine it runs on."""
