"""The inner loop: a saved file goes into the running pods, or is built and rolled out, whichever is enough."""
