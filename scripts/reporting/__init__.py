"""Reports, the live display and the audit record."""
