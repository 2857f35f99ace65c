"""Nets and training steps to compare implementations by, and an example by hand."""
