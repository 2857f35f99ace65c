"""How a model is read: from any module of PyTorch to a chain of layers and activations."""
