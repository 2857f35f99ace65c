"""Files of users: artifacts, exports, samples, and reports of them."""
