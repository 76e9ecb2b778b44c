"""The stages of the pipeline, and how they are run in order."""
