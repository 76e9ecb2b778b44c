"""Somebody else's application: what its files say, what follows from it, and one file about it (docs/adapting.md)."""
