"""Broken situations and attacks, asked of a tool as a person would ask, and judged."""
