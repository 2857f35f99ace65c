"""From a plan to ops: what each queue does, and what each op waits for."""
