"""The vector engine: all copies of a module side by side, in the lanes of the processor."""
