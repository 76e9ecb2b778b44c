"""Infer an app from what was read of it."""
