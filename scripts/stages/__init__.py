"""The stages: each makes one thing true and says whether it had to do anything."""
