"""Datasets, and files of models."""
