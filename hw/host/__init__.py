"""The host side of a torus: gateways between its rings and one stream of beats."""
