"""Share one run's session with the cluster, and the run itself."""
