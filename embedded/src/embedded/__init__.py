"""A single-node, Kubernetes-API-compatible cluster over the local Docker engine."""
