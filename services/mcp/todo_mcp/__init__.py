"""The todo tools by the Model Context Protocol."""
