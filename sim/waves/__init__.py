"""Save files for viewers of waveforms: which signals of a torus are shown, and in which groups."""
