"""Settings read once from the environment and validated before anything starts."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class ServiceSettings(BaseModel):
    """Settings every service has. A field is filled from the variable of its name in upper case; empty means unset."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    port: int = Field(ge=1, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    environment: str = "development"
    drain_seconds: float = Field(default=3.0, ge=0, le=8)
    """Seconds between SIGTERM and closing the port: time for the cluster to take this pod out of its endpoints."""
    repeat_seconds: float = Field(default=15.0, ge=0, le=60)
    """Seconds a call to another service is sent again while no replica of it answers."""
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    tls_ca_file: Path | None = None
    otel_exporter_otlp_endpoint: str | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings, or end the process with one line per variable that is wrong (never its value)."""
        given = {name: environ[name.upper()] for name in cls.model_fields if environ.get(name.upper(), "").strip()}
        if "log_level" in given:
            given["log_level"] = given["log_level"].upper()
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            for problem in error.errors(include_input=False, include_url=False):
                name = ".".join(str(part) for part in problem["loc"]).upper() or "settings"
                print(f"{name}: {problem['msg']}", file=sys.stderr)
            raise SystemExit(2) from None
