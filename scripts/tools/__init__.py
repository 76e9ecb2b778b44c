"""One small module per program: its command lines, and the reading of what it answers."""
