"""Compiled forms of layers on a CPU: built by g++ where a user asks for them."""
