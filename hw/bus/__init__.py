"""A torus on a bus: registers, and the slaves of AXI4-Lite and Wishbone that reach them."""
