"""Compiled forms of layers for few samples on a CPU: built by g++ where a user asks for them."""
