"""The supply chain: what is in the images, what is known against it, and who vouches for them."""
