"""AI operations: a recipe gathers facts, hides secrets, writes a prompt, asks a tool, and checks what comes back.

load → facts → redact → budget → prompt → tool (or the offline rules) → answer, checked → apply, if asked for

Recipes are files in `ai/recipes/`; nothing in this package knows one of them by name.
"""
