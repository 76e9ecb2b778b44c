"""Configuration: what the user decided, validated."""
