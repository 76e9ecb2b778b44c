"""What holds for all tests."""

from contextlib import suppress

with suppress(ImportError):  # the environments of some sessions have no hypothesis
    from hypothesis import HealthCheck, settings

    # No test judges by seconds: a machine that is busy for a moment is no fault of the code.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
