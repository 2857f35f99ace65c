"""A processing element: rings, MAC and sequencer, and what loads and reads its memories."""
