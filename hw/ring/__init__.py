"""The rings: links, hops, and the engines that gather words and reduce gradients on them."""
