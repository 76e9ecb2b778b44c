"""Treat API objects as pure functions: defaults, validation, merging, selectors, managed fields."""
