"""Kubernetes through kubectl and helm: verbs, releases, quantities."""
