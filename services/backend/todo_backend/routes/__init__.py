"""The API, a module per subject."""
