"""Training runs on devices: recipe, loop, files, and a net inside a PyTorch model."""
