"""kagent in the cluster: what is installed, whether it is ours and as we made it, and how to take it away."""
