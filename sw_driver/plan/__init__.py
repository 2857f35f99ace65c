"""Where blocks of a net lie on a torus, and in which order its ops run."""
