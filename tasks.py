"""The tasks of `invoke`: imports and assembles, no logic."""

from scripts.tasks import namespace

ns = namespace()
