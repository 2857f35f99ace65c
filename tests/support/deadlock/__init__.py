"""Hand-broken programs against the check of waits: what it accepts must end."""
