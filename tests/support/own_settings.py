"""The project's own settings, read once for all tests that change nothing of them."""

from __future__ import annotations

from functools import cache

from scripts.settings.configuration import read_settings

own_settings = cache(read_settings)
