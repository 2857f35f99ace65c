"""The PyTorch reference of Clostorus: Clos layers, their training and their fixed-point model."""

from golden.errors import GoldenError
from golden.fixed import QuantisedLayer, QuantisedNet
from golden.shape import ClosShape

__all__ = ["ClosShape", "GoldenError", "QuantisedLayer", "QuantisedNet"]
