"""The AI tools: one module each, with its true command line, and the choice between them."""
