"""The host link of a board: frames on a UART, repaired in both directions."""
