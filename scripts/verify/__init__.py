"""Proofs on the live release: zero downtime and scaling."""
