"""Names of all targets, for whoever looks before anything slow is imported."""

__all__ = ["TARGET_NAMES"]

TARGET_NAMES = ("artifact", "manifest", "model", "program", "frames", "idx", "npz", "csv", "onnx",
                "rtl")
"""Those of `sim.fuzz.catalogue.TARGETS`, in their order."""
