"""Programs, images and host streams: words as the torus takes them."""
