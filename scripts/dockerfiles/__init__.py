"""Dockerfiles: read, checked against what is configured, derived, and those of the product itself."""
