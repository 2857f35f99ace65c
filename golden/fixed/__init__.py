"""The bit-exact integer model: words, quantisation, inference and training."""
