"""cocotb benches of the blocks and of the torus; `tests/test_sim_*.py` runs them."""
