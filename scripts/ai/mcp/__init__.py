"""The product's knowledge for any client of the Model Context Protocol: read-only, redacted, bounded."""
