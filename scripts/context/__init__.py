"""What one run shares: its session with the cluster, and the run itself."""
