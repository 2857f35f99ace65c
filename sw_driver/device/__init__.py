"""Devices that infer and train: what goes in and out, and the golden ones."""
