"""What tests share: references, nets, benches, and ways to run programs."""
