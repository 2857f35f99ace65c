"""Parts that any block uses: queues, memories, multiplier, accumulator, vendor cells."""
