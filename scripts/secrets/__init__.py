"""Secrets: where values come from, how they reach the cluster, and how they stay out of sight."""
